"""Compute Whisper's log-mel spectrum of two seconds of telephone audio, level-normalised by the power of its speech.

Whisper takes 16 kHz: 80 bands (Slaney's mel scale) of 25 ms spectra every 10 ms. A telephone's 8 kHz hold the same bins
up to 4 kHz, so nothing is resampled: spectra of 200 samples every 80 have the same width, step and bins. The bands
above 4 kHz are empty, as they are after resampling.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FULL_SCALE, FloatArray
from callguard.audio.frames import FRAME_SAMPLES, SAMPLE_RATE

MEL_BANDS: Final = 80
MEL_FRAMES: Final = 200
"""Spectra of 10 ms in a window of 2 s."""
TOKENS: Final = MEL_FRAMES // 2
"""Tokens that the encoder makes of a window: one for each frame of 20 ms."""
CLIP_SAMPLES: Final = TOKENS * FRAME_SAMPLES
SPEECH_RMS: Final = 0.1
"""Level to which the speech of a window is brought, of full scale."""
_SIZE: Final = 200
_BINS: Final = _SIZE // 2 + 1
_STEP: Final = 80
_FLOOR: Final = 8.0
"""Distance below the window's maximum, in powers of ten, at which the spectrum is cut off."""
_LEAST: Final = np.float32(1e-10)
_SCALE: Final = np.float32(4.0)
"""Power of a bin at 16 kHz over that at 8 kHz: twice the samples, so twice the amplitude."""
_WHISPERS_RATE: Final = 16_000


def _mels(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Slaney's mel values: linear below 1 kHz, logarithmic above."""
    bent = 15.0 + np.log(np.maximum(hertz, 1000.0) / 1000.0) * 27.0 / np.log(6.4)
    return np.where(hertz < 1000.0, hertz * 3.0 / 200.0, bent)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp((mels - 15.0) * np.log(6.4) / 27.0))


def filters() -> FloatArray:
    """Return the mel filters on the bins up to 4 kHz, shape (MEL_BANDS, bins), each of unit area."""
    top = _mels(np.array([_WHISPERS_RATE / 2]))[0]
    corner = _hertz(np.linspace(0.0, top, MEL_BANDS + 2))
    bins = np.arange(_BINS) * SAMPLE_RATE / _SIZE
    low, middle, high = corner[:-2, None], corner[1:-1, None], corner[2:, None]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    result: FloatArray = (np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)).astype(np.float32)
    return result


def _transform() -> FloatArray:
    """Return windowed cosines and sines, shape (_SIZE, 2 * bins): at this size a product is twice as fast as an FFT."""
    angle = 2.0 * np.pi * np.arange(_SIZE)[:, None] * np.arange(_BINS) / _SIZE
    waves = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) * np.hanning(_SIZE + 1)[:-1, None]
    result: FloatArray = np.ascontiguousarray(waves, dtype=np.float32)
    return result


_TRANSFORM: Final = _transform()
_FILTERS: Final = np.ascontiguousarray(filters().T)


def log_mel(pcm: NDArray[np.int16], speech: NDArray[np.bool_]) -> FloatArray:
    """Return the log-mel spectra of windows as Whisper's encoder takes them, shape (n, MEL_BANDS, MEL_FRAMES).

    Args:
        pcm: samples at 8 kHz, shape (n, CLIP_SAMPLES).
        speech: mask of the frames of speech, shape (n, TOKENS).
    """
    sound = pcm.astype(np.float32) / np.float32(FULL_SCALE)
    power = np.square(sound).reshape(len(sound), TOKENS, FRAME_SAMPLES).mean(axis=2)
    of_speech = (power * speech).sum(axis=1) / np.maximum(speech.sum(axis=1), 1)
    sound *= (np.float32(SPEECH_RMS) / np.sqrt(of_speech + np.float32(1e-12)))[:, None]
    padded = np.pad(sound, ((0, 0), (_SIZE // 2, _SIZE // 2)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE, axis=1)[:, : MEL_FRAMES * _STEP : _STEP]
    waves = np.square(np.ascontiguousarray(frames) @ _TRANSFORM)
    bands = (waves[:, :, :_BINS] + waves[:, :, _BINS:]) @ _FILTERS * _SCALE
    logs = np.log10(np.maximum(bands, _LEAST))
    logs = np.maximum(logs, logs.max(axis=(1, 2), keepdims=True) - np.float32(_FLOOR))
    result: FloatArray = np.ascontiguousarray(((logs + 4.0) / 4.0).transpose(0, 2, 1), dtype=np.float32)
    return result
