"""Convert payloads of taps to and from 8 kHz samples: G.711 by table, linear PCM, and 16 kHz reduced to 8 kHz."""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_SAMPLES, Pcm, Rows

Bytes = NDArray[np.uint8]


class Format(IntEnum):
    """The encoding of samples in a payload."""

    ULAW = 0
    ALAW = 1
    SLIN_BE = 2
    SLIN16_BE = 3
    SLIN_LE = 4
    SLIN16_LE = 5


SAMPLE_BYTES: Final = np.array([1, 1, 2, 2, 2, 2])
"""Bytes of one sample, by Format."""
RATE_FACTOR: Final = np.array([1, 1, 1, 2, 1, 2])
"""Samples of the format for each sample at 8 kHz, by Format."""
FRAME_BYTES: Final = SAMPLE_BYTES * RATE_FACTOR * FRAME_SAMPLES
"""Bytes in 20 ms, by Format."""


def _ulaw_levels() -> Pcm:
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = ((((code & 0x0F).astype(np.int32) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_levels() -> Pcm:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment = ((code & 0x70) >> 4).astype(np.int32)
    step = ((code & 0x0F).astype(np.int32) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_LEVELS: Final = {Format.ULAW: _ulaw_levels(), Format.ALAW: _alaw_levels()}


def _nearest_codes(levels: Pcm) -> Bytes:
    """Return the code of the nearest level for each of the 65,536 sample values, -32768 first."""
    ascending = np.argsort(levels, kind="stable")
    values = levels[ascending].astype(np.int32)
    boundaries = (values[1:] + values[:-1]) / 2
    return ascending[np.searchsorted(boundaries, np.arange(-32768, 32768))].astype(np.uint8)


_CODES: Final = {law: _nearest_codes(levels) for law, levels in _LEVELS.items()}


def decode(payload: Bytes, form: Format) -> Pcm:
    """Return the samples of payloads of equal length, at the format's own rate.

    Args:
        payload: bytes, shape (..., b), contiguous in the last axis; b a multiple of the sample size.
        form: their format.
    """
    if form in _LEVELS:
        return _LEVELS[form][payload]
    order = ">i2" if form in (Format.SLIN_BE, Format.SLIN16_BE) else "<i2"
    return payload.view(order).astype(np.int16, copy=False)


def encode(pcm: Pcm, form: Format) -> bytes:
    """Return samples, at the format's own rate, as payload bytes."""
    if form in _CODES:
        return _CODES[form][pcm.astype(np.int32) + 32768].tobytes()
    order = ">i2" if form in (Format.SLIN_BE, Format.SLIN16_BE) else "<i2"
    return pcm.astype(order).tobytes()


def _half_band(pairs: int, beta: float) -> NDArray[np.float32]:
    """Return the odd taps on one side of a Kaiser half-band filter's centre (0.5), from the nearest outwards."""
    at = np.arange(1, 2 * pairs, 2)
    window = np.i0(beta * np.sqrt(1 - (at / (2 * pairs)) ** 2)) / np.i0(beta)
    taps = np.sin(np.pi * at / 2) / (np.pi * at) * window
    scaled: NDArray[np.float32] = (taps * 0.25 / taps.sum()).astype(np.float32)
    return scaled


_PAIRS: Final = 13
_TAPS: Final = _half_band(_PAIRS, 6.0)
"""Flat within 0.1 dB up to 3.4 kHz, 60 dB down from 4.6 kHz: nothing aliases into the telephone band."""
_HISTORY: Final = 4 * _PAIRS - 2


class Decimator:
    """Reduces 16 kHz to 8 kHz without a seam between a leg's frames, with a delay of 1.6 ms.

    Args:
        capacity: most legs; each has a row of filter memory.
    """

    def __init__(self, capacity: int) -> None:
        self._tail: Pcm = np.zeros((capacity, _HISTORY), dtype=np.int16)

    def reset(self, row: int) -> None:
        """Forget a leg's past samples."""
        self._tail[row] = 0

    def halve(self, rows: Rows, wide: Pcm) -> Pcm:
        """Return frames at 8 kHz, shape (n, FRAME_SAMPLES).

        Args:
            rows: leg of each frame, non-decreasing, shape (n,).
            wide: frames at 16 kHz in order of time within a leg, shape (n, 2 * FRAME_SAMPLES).
        """
        if not len(rows):
            return np.empty((0, FRAME_SAMPLES), dtype=np.int16)
        first = np.r_[True, rows[1:] != rows[:-1]]
        tails = np.empty((len(rows), _HISTORY), dtype=np.int16)
        tails[1:] = wide[:-1, -_HISTORY:]
        tails[first] = self._tail[rows[first]]
        last = np.r_[first[1:], True]
        self._tail[rows[last]] = wide[last, -_HISTORY:]
        return _filter(np.concatenate([tails, wide], axis=1).astype(np.float32))


def _filter(samples: NDArray[np.float32]) -> Pcm:
    # Output k is centred on sample 2k + 2 * _PAIRS - 1 of the history plus the frame. That index is odd, so all
    # other taps fall on even samples.
    even = np.ascontiguousarray(samples[:, ::2])
    centre = _PAIRS - 1
    out = 0.5 * samples[:, 2 * _PAIRS - 1 :: 2][:, :FRAME_SAMPLES]
    for index, tap in enumerate(_TAPS):
        before = even[:, centre - index : centre - index + FRAME_SAMPLES]
        after = even[:, centre + 1 + index : centre + 1 + index + FRAME_SAMPLES]
        out += tap * (before + after)
    narrow: Pcm = np.clip(np.rint(out), -32768, 32767).astype(np.int16)
    return narrow
