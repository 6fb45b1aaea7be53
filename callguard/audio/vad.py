"""Detect speech frame by frame, on loud and quiet lines alike.

webrtcvad depends on the absolute level: at -46 dBFS it misses most speech, and it passes steady noise. So each leg is
first brought to the same level, and a speech frame must also lie above the leg's own noise floor.
"""

from typing import Final, NamedTuple

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from callguard.audio.features import FULL_SCALE, LOWEST_DBFS, FloatArray
from callguard.audio.frames import FRAME_LOST, FRAME_SAMPLES, SAMPLE_RATE, Hop, Rows

BoolArray = NDArray[np.bool_]

TARGET_DBFS: Final = -16.0
"""Level to which the loudest recent frames of a leg are brought before webrtcvad judges them."""
MOST_GAIN_DB: Final = 40.0
QUIETEST_DBFS: Final = -62.0
"""Least level of speech in dBFS."""
ABOVE_FLOOR_DB: Final = 4.5
ABOVE_FLOOR_SHARE: Final = 0.25
"""Share of the distance from floor to peak that speech must exceed: a clean line demands more than a noisy one."""
BELOW_PEAK_DB: Final = 38.0
"""Distance in dB below the loudest recent frames from which a frame is echo or another room."""
_MODE: Final = 2
_START_PEAK: Final = -38.0
_START_FLOOR: Final = -50.0
_LOWEST_FLOOR: Final = -70.0
_PEAK_FALL_DB: Final = 0.1
"""Fall of the peak per hop: 1 dB/s is slow against the other party's turn, and fast against a change of line."""
_FLOOR_RISE_DB: Final = 0.2
"""Rise of the floor per hop: at 2 dB/s steady noise counts as noise after some seconds."""
_FLOOR_FALL: Final = 0.05
"""Share of the distance that the floor falls in a hop: slow, so that dips of babble do not pull it below the babble."""
_STEADY_DB: Final = 2.5
_STEADY_DBFS: Final = -35.0
_STEADY_HOPS: Final = 10
"""Spread in dB up to which a loud hop in a leg's first second counts as noise: the floor jumps to its level."""
_SETTLING_HOPS: Final = 20
_SETTLING: Final = 5.0
"""Factor by which the floor moves faster in a leg's first two seconds."""


class Heard(NamedTuple):
    """The VAD's result for a hop.

    Attributes:
        speech: shape (n, HOP_FRAMES).
        level: of each frame in dBFS, shape (n, HOP_FRAMES), float32.
    """

    speech: BoolArray
    level: FloatArray


def frame_levels(pcm: NDArray[np.int16]) -> FloatArray:
    """Return the level of frames in dBFS (a full-scale sine is -3), shape of `pcm` without its last axis."""
    samples = pcm.astype(np.float32)
    power = np.einsum("...k,...k->...", samples, samples) * np.float32(1.0 / (FRAME_SAMPLES * FULL_SCALE**2))
    result: FloatArray = 10.0 * np.log10(power + np.float32(10.0 ** (LOWEST_DBFS / 10.0)))
    return result


class Vad:
    """Detects voice activity of many legs and holds the state of each row.

    Attributes:
        peak: level of the loudest recent frames, dBFS, shape (capacity,).
        floor: level of the noise between words, dBFS, shape (capacity,).
    """

    def __init__(self, capacity: int) -> None:
        self.peak: FloatArray = np.full(capacity, _START_PEAK, np.float32)
        self.floor: FloatArray = np.full(capacity, _START_FLOOR, np.float32)
        self._hops: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self._judges = [webrtcvad.Vad(_MODE) for _ in range(capacity)]

    def open(self, row: int) -> None:
        """Reset a row's peak and floor for a new leg."""
        self.peak[row], self.floor[row] = _START_PEAK, _START_FLOOR
        self._hops[row] = 0
        self._judges[row] = webrtcvad.Vad(_MODE)

    def step(self, hop: Hop) -> Heard:
        """Judge one hop of many legs."""
        level = frame_levels(hop.pcm)
        heard = (hop.flags & FRAME_LOST) == 0
        self._follow(hop.rows, level, heard)
        candidate = level > self._least(hop.rows)[:, None]
        candidate &= heard
        return Heard(self._judge(hop, candidate), level)

    def _least(self, rows: Rows) -> FloatArray:
        """Return the least level of a speech frame, shape (n,)."""
        peak, floor = self.peak[rows], self.floor[rows]
        above = floor + np.maximum(ABOVE_FLOOR_DB, ABOVE_FLOOR_SHARE * (peak - floor))
        result: FloatArray = np.maximum(np.maximum(above, peak - BELOW_PEAK_DB), QUIETEST_DBFS)
        return result

    def _follow(self, rows: Rows, level: FloatArray, heard: BoolArray) -> None:
        known = np.where(heard, level, np.inf)
        loudest = np.where(heard, level, -np.inf).max(axis=1)
        quiet = np.partition(known, 1, axis=1)[:, 1]  # the second quietest frame: a single dip may be chance
        some = np.isfinite(quiet)
        peak, floor = self.peak[rows], self.floor[rows]
        pace = np.where(self._hops[rows] < _SETTLING_HOPS, _SETTLING, 1.0)
        steady = self._hops[rows] < _STEADY_HOPS
        steady &= (loudest - quiet < _STEADY_DB) & (quiet > _STEADY_DBFS)
        floor = np.where(some & steady, np.maximum(floor, quiet - ABOVE_FLOOR_DB), floor)
        self._hops[rows] += 1
        peak = np.where(loudest > peak, 0.5 * (peak + loudest), peak - _PEAK_FALL_DB)
        moved = np.where(quiet < floor, _FLOOR_FALL * (quiet - floor), _FLOOR_RISE_DB) * pace
        self.floor[rows] = np.where(some, np.maximum(floor + moved, _LOWEST_FLOOR), floor)
        self.peak[rows] = np.where(some, np.maximum(peak, TARGET_DBFS - MOST_GAIN_DB), self.peak[rows])

    def _judge(self, hop: Hop, candidate: BoolArray) -> BoolArray:
        gain = np.float32(10.0) ** ((TARGET_DBFS - self.peak[hop.rows]) * np.float32(0.05))
        levelled = hop.pcm * gain[:, None, None]
        np.clip(levelled, -FULL_SCALE, FULL_SCALE - 1, out=levelled)
        samples = levelled.astype("<i2").tobytes()
        size = 2 * FRAME_SAMPLES
        owners = np.repeat(hop.rows, hop.pcm.shape[1]).tolist()
        judges = self._judges
        wanted = np.flatnonzero(candidate).tolist()
        # The only Python loop over frames: webrtcvad takes one frame in each call (1.5 us).
        answers = [
            judges[owners[at]].is_speech(samples[at * size : at * size + size], SAMPLE_RATE, FRAME_SAMPLES)
            for at in wanted
        ]
        speech = np.zeros(candidate.size, dtype=np.bool_)
        speech[wanted] = answers
        return speech.reshape(candidate.shape)
