"""Summarise the last two seconds of frames: running sums for each block, and the functionals computed from them.

A block is half a second. Sums are additive: a window is the sum of a few blocks, and the leg's calm baseline is the
same sums over a longer time. So both sides of a comparison are computed alike.
"""

import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import BANDS, FRAME_FEATURES, INDEX, FloatArray
from callguard.audio.frames import FRAME_S

BLOCK_HOPS: Final = 5
"""Hops in a block (0.5 s), which is the time between two updates of a leg's functionals."""
WINDOW_BLOCKS: Final = 4
"""Blocks in a window (2 s)."""

_F: Final = len(FRAME_FEATURES)
_FRAMES: Final = 0
_WEIGHT: Final = 1
_MEAN: Final = slice(2, 2 + _F)
_SQUARE: Final = slice(2 + _F, 2 + 2 * _F)
_BANDS: Final = slice(2 + 2 * _F, 2 + 2 * _F + len(BANDS))
_LEVEL: Final = _BANDS.stop
_LEVEL_SQUARE: Final = _LEVEL + 1
_FLUX: Final = _LEVEL + 2
SUMS: Final = _LEVEL + 3
"""Number of sums kept for each block."""
SUMS_FORM: Final = zlib.crc32(repr((FRAME_FEATURES, BANDS, SUMS)).encode())
"""The same number means that sums kept by another version have the same meaning."""

FUNCTIONALS: Final = (
    *(f"{name}_mean" for name in FRAME_FEATURES),
    *(f"{name}_spread" for name in FRAME_FEATURES),
    "level_all_mean",
    "level_all_spread",
    "flux_all_mean",
    "voiced_share",
    "loudness",
    "long_alpha",
    "long_mid",
    "long_high",
)
"""Names of a window's functionals: `_mean` and `_spread` over voiced frames, `long_` of summed power."""
LOUDNESS: Final = FUNCTIONALS.index("loudness")
PITCH: Final = FUNCTIONALS.index("pitch_mean")

_TINY: Final = 1e-9


def frame_sums(features: FloatArray, bands: FloatArray) -> FloatArray:
    """Return each frame's contribution to its leg's sums, shape (n, SUMS).

    Args:
        features: shape (n, len(FRAME_FEATURES)).
        bands: band powers, shape (n, len(BANDS)).
    """
    out = np.empty((len(features), SUMS), dtype=np.float32)
    # Vowels show vocal effort; hiss and breath show the line.
    weight = np.clip((features[:, INDEX["periodicity"]] - 0.3) * 2.5, 0.02, 1.0)
    flux = features[:, INDEX["flux"]]
    known = np.isfinite(flux)
    out[:, _FRAMES] = 1.0
    out[:, _WEIGHT] = weight
    values = out[:, _MEAN]
    np.copyto(values, features)
    values[~known, INDEX["flux"]] = 3.0  # a typical change, for the first frame after a pause
    out[:, _SQUARE] = values * values * weight[:, None]
    out[:, _LEVEL] = values[:, 0]
    out[:, _LEVEL_SQUARE] = values[:, 0] ** 2
    out[:, _FLUX] = values[:, INDEX["flux"]]
    values *= weight[:, None]
    out[:, _BANDS] = bands
    return out


def functionals(sums: FloatArray) -> FloatArray:
    """Return FUNCTIONALS of summed frames, shape (n, len(FUNCTIONALS)); finite but meaningless without frames.

    Args:
        sums: shape (n, SUMS).
    """
    out = np.empty((len(sums), len(FUNCTIONALS)), dtype=np.float32)
    frames = np.maximum(sums[:, _FRAMES], 1.0)
    weight = np.maximum(sums[:, _WEIGHT], _TINY)[:, None]
    mean = sums[:, _MEAN] / weight
    out[:, :_F] = mean
    out[:, _F : 2 * _F] = np.sqrt(np.maximum(sums[:, _SQUARE] / weight - mean * mean, 0.0))
    level = sums[:, _LEVEL] / frames
    rest = out[:, 2 * _F :]
    rest[:, 0] = level
    rest[:, 1] = np.sqrt(np.maximum(sums[:, _LEVEL_SQUARE] / frames - level * level, 0.0))
    rest[:, 2] = sums[:, _FLUX] / frames
    rest[:, 3] = sums[:, _WEIGHT] / frames
    total, low, high, bass, middle, treble = (10.0 * np.log10(sums[:, _BANDS] / frames[:, None] + np.float32(_TINY))).T
    rest[:, 4] = total
    rest[:, 5] = high - low
    rest[:, 6] = middle - bass
    rest[:, 7] = treble - middle
    return out


def seconds(sums: FloatArray) -> FloatArray:
    """Return the seconds of speech in sums, shape (n,)."""
    result: FloatArray = sums[:, _FRAMES] * np.float32(FRAME_S)
    return result


class Windows:
    """Sums of each leg's last blocks.

    Attributes:
        blocks: ring of closed blocks, shape (capacity, WINDOW_BLOCKS, SUMS).
        open_block: the block that is being filled, shape (capacity, SUMS).
    """

    def __init__(self, capacity: int) -> None:
        self.blocks: FloatArray = np.zeros((capacity, WINDOW_BLOCKS, SUMS), np.float32)
        self.open_block: FloatArray = np.zeros((capacity, SUMS), np.float32)
        self._next: NDArray[np.intp] = np.zeros(capacity, np.intp)

    def clear(self, row: int) -> None:
        """Forget a leg's frames."""
        self.blocks[row] = self.open_block[row] = 0.0
        self._next[row] = 0

    def add(self, owners: NDArray[np.intp], frames: FloatArray) -> None:
        """Add frames to their legs' open blocks.

        Args:
            owners: leg row of each frame, non-decreasing, shape (m,).
            frames: shape (m, SUMS).
        """
        if len(owners) == 0:
            return
        starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        self.open_block[owners[starts]] += np.add.reduceat(frames, starts, axis=0)

    def close_blocks(self, rows: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Close the open blocks of rows; return them and the sums of the windows that end with them, (n, SUMS) each."""
        block = self.open_block[rows]
        self.blocks[rows, self._next[rows]] = block
        self._next[rows] = (self._next[rows] + 1) % WINDOW_BLOCKS
        self.open_block[rows] = 0.0
        return block, self.blocks[rows].sum(axis=1)
