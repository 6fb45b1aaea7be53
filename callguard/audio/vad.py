"""Speech or not, frame by frame, the same on a loud and on a quiet line.

webrtcvad judges absolute level: at -46 dBFS it misses most speech, and it passes steady noise. So each leg is brought
to one level first, and a frame must also stand above the leg's own noise floor.
"""

from typing import Final, NamedTuple

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from callguard.audio.features import FULL_SCALE, LOWEST_DBFS, FloatArray
from callguard.audio.frames import FRAME_LOST, FRAME_SAMPLES, SAMPLE_RATE, Hop, Rows

BoolArray = NDArray[np.bool_]

TARGET_DBFS: Final = -16.0
"""Level to which the loudest recent frames of a leg are brought before webrtcvad hears them."""
MOST_GAIN_DB: Final = 40.0
QUIETEST_DBFS: Final = -62.0
"""Frames below this are never speech."""
ABOVE_FLOOR_DB: Final = 4.5
ABOVE_FLOOR_SHARE: Final = 0.25
"""Of the distance from floor to peak: on a clean line more is asked of a frame than on a noisy one."""
BELOW_PEAK_DB: Final = 38.0
"""Frames this far below the loudest recent ones are echo or another room."""
_MODE: Final = 2
_START_PEAK: Final = -38.0
_START_FLOOR: Final = -50.0
_LOWEST_FLOOR: Final = -70.0
_PEAK_FALL_DB: Final = 0.1
"""A hop: 1 dB/s, slow against the other party's turn, fast against a change of line."""
_FLOOR_RISE_DB: Final = 0.2
"""A hop: 2 dB/s, so steady noise is taken for what it is after some seconds."""
_FLOOR_FALL: Final = 0.05
"""Share of the way down that the floor goes in a hop; slow, so the dips of babble do not pull it below the babble."""
_STEADY_DB: Final = 2.5
_STEADY_DBFS: Final = -35.0
_STEADY_HOPS: Final = 10
"""In a leg's first second a loud hop as even as this is noise until shown otherwise: the floor goes there at once."""
_SETTLING_HOPS: Final = 20
_SETTLING: Final = 5.0
"""How many times faster the floor moves in a leg's first two seconds."""


class Heard(NamedTuple):
    """What the VAD says of a hop.

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
    """Voice activity of many legs; a row's state lives here.

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
        """Forget what a row's last leg sounded like."""
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
        """Return the level that a frame must have to be speech, shape (n,)."""
        peak, floor = self.peak[rows], self.floor[rows]
        above = floor + np.maximum(ABOVE_FLOOR_DB, ABOVE_FLOOR_SHARE * (peak - floor))
        result: FloatArray = np.maximum(np.maximum(above, peak - BELOW_PEAK_DB), QUIETEST_DBFS)
        return result

    def _follow(self, rows: Rows, level: FloatArray, heard: BoolArray) -> None:
        known = np.where(heard, level, np.inf)
        loudest = np.where(heard, level, -np.inf).max(axis=1)
        quiet = np.partition(known, 1, axis=1)[:, 1]  # the second quietest: one dip is chance
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
        # The one Python loop per frame: webrtcvad takes a frame a call (1.5 us).
        answers = [
            judges[owners[at]].is_speech(samples[at * size : at * size + size], SAMPLE_RATE, FRAME_SAMPLES)
            for at in wanted
        ]
        speech = np.zeros(candidate.size, dtype=np.bool_)
        speech[wanted] = answers
        return speech.reshape(candidate.shape)
