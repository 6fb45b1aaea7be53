"""Simulate vocal effort on calm speech: the changes of sound that a raised voice causes.

More effort closes the glottis faster: the spectrum tilts up, the first formant's region gains, pitch and level rise.
Resampling the prediction residual moves the pitch and keeps the formants (the first one can be shifted separately).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from callguard.audio.frames import SAMPLE_RATE

Samples = NDArray[np.float32]
Rng = np.random.Generator

ORDER: Final = 10
FRAME: Final = 240
STEP: Final = 120


def raise_voice(voice: Samples, amount: float, rng: Rng) -> Samples:
    """Return speech as if spoken with more effort.

    Args:
        voice: calm speech at 8 kHz.
        amount: 0 (unchanged) to 1 (shouting).
        rng: draws the distribution of the effort over its signs.
    """
    semitones = amount * rng.uniform(2.0, 9.0)
    shifted = shift_pitch(voice, semitones, stretch=1.0 + amount * rng.uniform(-0.1, 0.2))
    tilted = _tilt(shifted, amount * rng.uniform(5.0, 14.0))
    return _first_formant(tilted, amount * rng.uniform(0.0, 8.0), float(rng.uniform(650, 1100)))


def shift_pitch(voice: Samples, semitones: float, stretch: float = 1.0) -> Samples:
    """Move the pitch and keep the formants; `stretch` lengthens the voice."""
    ratio = 2.0 ** (semitones / 12.0)
    filters, count = _predictors(voice)
    residual = _filter_frames(voice, filters, count, whiten=True)
    # Repeating or dropping whole pitch-sized grains keeps the length while resampling raises the pitch.
    grains = _stretch(residual, ratio * stretch)
    faster = signal.resample_poly(grains, 100, max(1, round(100 * ratio))).astype(np.float32)
    places = np.clip(np.round(np.arange(-(-len(faster) // STEP)) / stretch), 0, count - 1).astype(np.intp)
    return _filter_frames(faster, filters[places], len(places), whiten=False)


def _predictors(voice: Samples) -> tuple[NDArray[np.float64], int]:
    """Return prediction filters every STEP samples, shape (count, ORDER + 1)."""
    count = max(1, -(-len(voice) // STEP))
    padded = np.pad(voice.astype(np.float64), (FRAME // 2, FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::STEP][:count] * np.hanning(FRAME)
    spectrum = np.abs(np.fft.rfft(frames, 512, axis=1)) ** 2
    correlation = np.fft.irfft(spectrum, axis=1)[:, : ORDER + 1]
    correlation[:, 0] = correlation[:, 0] * 1.001 + 1e-7
    return _levinson(correlation), count


def _levinson(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    filters = np.zeros_like(correlation)
    filters[:, 0] = 1.0
    error = correlation[:, 0].copy()
    for order in range(1, ORDER + 1):
        reflection = -np.einsum("nk,nk->n", filters[:, :order], correlation[:, order:0:-1]) / error
        filters[:, 1 : order + 1] += reflection[:, None] * filters[:, order - 1 :: -1][:, :order]
        error *= 1 - reflection**2
    return filters


def _filter_frames(sound: Samples, filters: NDArray[np.float64], count: int, *, whiten: bool) -> Samples:
    """Run each STEP of samples through its filter, whitening or resonating; the filter's memory is kept."""
    out = np.zeros(count * STEP)
    padded = np.pad(sound.astype(np.float64), (0, max(0, count * STEP - len(sound))))
    past_in, past_out = np.zeros(ORDER), np.zeros(ORDER)
    for at in range(count):
        part, taps = padded[at * STEP : (at + 1) * STEP], filters[at]
        if whiten:
            whole = np.concatenate([past_in, part])
            result = np.convolve(whole, taps)[ORDER : ORDER + STEP]
        else:
            state = signal.lfiltic([1.0], taps, past_out[::-1])
            result = signal.lfilter([1.0], taps, part, zi=state)[0]
        past_in, past_out = part[-ORDER:], result[-ORDER:]
        out[at * STEP : (at + 1) * STEP] = result
    return out[: len(sound)].astype(np.float32)


def _stretch(sound: Samples, ratio: float) -> Samples:
    """Lengthen by overlap-add with the best fitting offset near each place (WSOLA)."""
    size, step, slack = 320, 160, 80
    count = int(len(sound) * ratio) // step
    if count < 3 or len(sound) < 3 * size:
        return sound
    window = np.hanning(size)
    padded = np.pad(sound.astype(np.float64), (slack, size + slack))
    out = np.zeros(count * step + size)
    after = padded[slack + step : slack + step + size]
    for at in range(count):
        centre = slack + int(at * step / ratio)
        area = padded[max(0, centre - slack) : centre + slack + size]
        if at and len(area) > size:
            offset = int(np.argmax(np.correlate(area, after, "valid")))
            grain = area[offset : offset + size]
            start = max(0, centre - slack) + offset
        else:
            grain, start = padded[centre : centre + size], centre
        out[at * step : at * step + size] += window[: len(grain)] * grain
        after = padded[start + step : start + step + size]
        if len(after) < size:
            after = np.pad(after, (0, size - len(after)))
    return out[: int(len(sound) * ratio)].astype(np.float32)


def _tilt(voice: Samples, decibels: float) -> Samples:
    """Lift the spectrum above 1 kHz by a shelf filter, as a tenser voice does."""
    gain = 10 ** (decibels / 20)
    low = signal.butter(1, 900, "lowpass", fs=SAMPLE_RATE, output="sos")
    bass = signal.sosfilt(low, voice)
    return np.asarray(bass + gain * (voice - bass), dtype=np.float32)


def _first_formant(voice: Samples, decibels: float, hertz: float) -> Samples:
    """Lift the region into which a wide open mouth moves the first formant."""
    band = signal.butter(1, [hertz * 0.7, hertz * 1.4], "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(voice + (10 ** (decibels / 20) - 1) * signal.sosfilt(band, voice), dtype=np.float32)
