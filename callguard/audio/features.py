"""Compute acoustic features of speech frames, many legs at once.

A frame's analysis window is the frame and the previous one (40 ms). Features are computed only for frames that the VAD
passed, so that thousands of legs fit one core.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_SAMPLES, SAMPLE_RATE
from callguard.audio.pitch import FFT, pitch

FloatArray = NDArray[np.float32]

WINDOW_SAMPLES: Final = 2 * FRAME_SAMPLES
FULL_SCALE: Final = 32768.0
LOWEST_DBFS: Final = -96.0
MELS: Final = 20
BAND_LOW_HZ: Final = 150.0
BAND_HIGH_HZ: Final = 3500.0

FRAME_FEATURES: Final = (
    "level",  # dBFS in the telephone band
    "alpha",  # dB, 1000-3400 Hz over 100-1000 Hz
    "mid",  # dB, 500-1500 Hz over 100-500 Hz
    "high",  # dB, 2300-3500 Hz over 500-1500 Hz
    "hammarberg",  # dB, strongest mel band above 2 kHz over the strongest below
    "centroid",  # kHz
    "tilt",  # dB a kHz, regression over the mel bands
    "mid_slope",  # dB a kHz, 500-1500 Hz
    "c2",
    "c3",
    "c4",
    "c5",  # cosine shape of the log-mel spectrum, dB
    "entropy",  # 0-1, of the power over bins: 1 is noise, 0 a tone
    "flux",  # dB a frame, mean absolute change of the level-free log-mel spectrum
    "pitch",  # semitones over 100 Hz
    "periodicity",  # 0-1
)
BANDS: Final = ("all", "low", "high", "bass", "middle", "treble")
"""Of band powers: 150-3500, 100-1000, 1000-3400, 100-500, 500-1500, 2300-3500 Hz."""
INDEX: Final = {name: index for index, name in enumerate(FRAME_FEATURES)}

_HERTZ: Final = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
_HANN: Final = (np.hanning(WINDOW_SAMPLES + 2)[1:-1] / FULL_SCALE).astype(np.float32)
_POWER_SCALE: Final = float(2.0 / (WINDOW_SAMPLES * np.mean(np.hanning(WINDOW_SAMPLES + 2)[1:-1] ** 2) * FFT))
_FLOOR: Final = 1e-10


def _mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    result: NDArray[np.float64] = 2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0)
    return result


def _mel_edges() -> NDArray[np.float64]:
    mels = np.linspace(_mel(BAND_LOW_HZ), _mel(BAND_HIGH_HZ), MELS + 2)
    result: NDArray[np.float64] = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    return result


def _mel_bank() -> NDArray[np.float64]:
    edges = _mel_edges()
    rising = (_HERTZ[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - _HERTZ[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling))


def _band(low: float, high: float) -> NDArray[np.float64]:
    return ((low <= _HERTZ) & (high > _HERTZ)).astype(np.float64)[:, None]


def _slope(low: float, high: float) -> NDArray[np.float64]:
    """Return weights that turn log-mel values into a regression slope in dB per kHz over bands centred in a range."""
    centres = _mel_edges()[1:-1] / 1000.0
    inside = (centres >= low / 1000.0) & (centres <= high / 1000.0)
    spread = np.where(inside, centres - centres[inside].mean(), 0.0)
    result: NDArray[np.float64] = (spread / np.sum(spread**2))[:, None]
    return result


def _cosine(order: int) -> NDArray[np.float64]:
    return np.cos(np.pi * order * (np.arange(MELS) + 0.5) / MELS)[:, None] / MELS


_BANDS: Final = np.hstack(
    [
        _mel_bank(),
        _band(BAND_LOW_HZ, BAND_HIGH_HZ),
        _band(100, 1000),
        _band(1000, 3400),
        _band(100, 500),
        _band(500, 1500),
        _band(2300, 3500),
        _HERTZ[:, None] / 1000.0 * _band(BAND_LOW_HZ, BAND_HIGH_HZ),
    ]
).astype(np.float32) * np.float32(_POWER_SCALE)
_SHAPE: Final = np.hstack([_slope(0, 4000), _slope(480, 1500), *(_cosine(order) for order in (2, 3, 4, 5))]).astype(
    np.float32
)
_SPLIT: Final = int(np.searchsorted(_mel_edges()[1:-1], 2000.0))
_IN_BAND: Final = slice(int(np.searchsorted(_HERTZ, BAND_LOW_HZ)), int(np.searchsorted(_HERTZ, BAND_HIGH_HZ)))
_ENTROPY_SCALE: Final = float(1.0 / np.log(_IN_BAND.stop - _IN_BAND.start))


def spectra(windows: NDArray[np.int16] | FloatArray) -> FloatArray:
    """Return power spectra of analysis windows.

    Args:
        windows: samples at int16 scale, shape (n, WINDOW_SAMPLES).

    Returns:
        Power, shape (n, FFT // 2 + 1).
    """
    spectrum = np.fft.rfft(np.multiply(windows, _HANN, dtype=np.float32), FFT)
    return np.square(spectrum.real) + np.square(spectrum.imag)


def frame_features(
    power: FloatArray, before: FloatArray, follows: NDArray[np.bool_], carried: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute FRAME_FEATURES of frames.

    Args:
        power: of the frames, shape (n, FFT // 2 + 1).
        before: level-free log-mel spectrum of each previous frame, NaN where that was not speech, shape (n, MELS).
        follows: mask of frames that directly follow the frame of the row above, shape (n,); they use its spectrum.
        carried: previous spectrum for the first frame, shape (1, MELS).

    Returns:
        Features, shape (n, len(FRAME_FEATURES)); the power of BANDS, shape (n, len(BANDS)); and the level-free log-mel
        spectra in dB, shape (n, MELS).
    """
    decibels = power @ _BANDS
    bands = decibels[:, MELS:-1].copy()
    weighted = decibels[:, -1] / (bands[:, 0] + _FLOOR)
    np.log10(decibels + _FLOOR, out=decibels)
    decibels *= 10.0
    mel = decibels[:, :MELS]
    total, low, high, bass, middle, treble = decibels[:, MELS:-1].T
    out = np.empty((len(power), len(FRAME_FEATURES)), dtype=np.float32)
    out[:, 0] = np.maximum(total, LOWEST_DBFS)
    out[:, 1] = high - low
    out[:, 2] = middle - bass
    out[:, 3] = treble - middle
    out[:, 4] = mel[:, _SPLIT:].max(axis=1) - mel[:, :_SPLIT].max(axis=1)
    out[:, 5] = weighted
    out[:, 6:12] = mel @ _SHAPE
    out[:, 12] = _entropy(power)
    shape: FloatArray = mel - mel.mean(axis=1, keepdims=True, dtype=np.float32)
    previous = np.where(follows[:, None], np.concatenate([carried, shape[:-1]]), before)
    out[:, 13] = np.abs(shape - previous).mean(axis=1)
    hertz, out[:, 15] = pitch(power)
    out[:, 14] = 12.0 * np.log2(hertz / 100.0)
    return out, bands, shape


def _entropy(power: FloatArray) -> FloatArray:
    inside = power[:, _IN_BAND] + _FLOOR
    share = inside / inside.sum(axis=1, keepdims=True)
    result: FloatArray = -np.einsum("nk,nk->n", share, np.log(share)) * np.float32(_ENTROPY_SCALE)
    return result
