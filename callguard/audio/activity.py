"""Measure each leg hop by hop: speech, length of the turn, level and speech rate. Acoustics only, on both legs."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import LOWEST_DBFS, FloatArray
from callguard.audio.frames import FRAME_S, HOP_FRAMES, HOP_S, Rows
from callguard.audio.vad import BoolArray, Heard

SECOND_HOPS: Final = 10
RATE_HOPS: Final = 20
"""Hops of the window in which syllables are counted (2 s)."""
TURN_END_HOPS: Final = 8
"""Hops of silence that end a turn (0.8 s)."""
TALKING_HOPS: Final = 3
"""Hops after the last speech during which a party still counts as talking (0.3 s)."""
_SYLLABLE_DB: Final = 3.0
"""Least rise and fall of the level around a syllable, in dB."""


class Activity:
    """Speech, level, turn and syllables of each leg."""

    def __init__(self, capacity: int) -> None:
        self._speech: NDArray[np.int8] = np.zeros((capacity, RATE_HOPS), np.int8)
        self._power: FloatArray = np.zeros((capacity, SECOND_HOPS), np.float32)
        self._syllables: NDArray[np.int8] = np.zeros((capacity, RATE_HOPS), np.int8)
        self._hops: NDArray[np.intp] = np.zeros(capacity, np.intp)
        self._quiet: NDArray[np.int32] = np.full(capacity, TURN_END_HOPS, np.int32)
        self._turn: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self._smooth: FloatArray = np.full(capacity, LOWEST_DBFS, np.float32)
        self._turning: FloatArray = np.full(capacity, LOWEST_DBFS, np.float32)
        self._rising: BoolArray = np.zeros(capacity, np.bool_)

    def open(self, row: int) -> None:
        """Forget a row's last leg."""
        self._speech[row] = self._syllables[row] = 0
        self._power[row] = 0.0
        self._hops[row] = self._turn[row] = 0
        self._quiet[row] = TURN_END_HOPS
        self._smooth[row] = self._turning[row] = LOWEST_DBFS
        self._rising[row] = False

    def step(self, rows: Rows, heard: Heard) -> None:
        """Take in the VAD's result for one hop."""
        frames = heard.speech.sum(axis=1)
        slot = self._hops[rows]
        self._speech[rows, slot % RATE_HOPS] = frames
        power = np.where(heard.speech, np.float32(10.0) ** (heard.level * np.float32(0.1)), 0.0)
        self._power[rows, slot % SECOND_HOPS] = power.sum(axis=1)
        self._syllables[rows, slot % RATE_HOPS] = self._count_syllables(rows, heard)
        self._hops[rows] += 1
        speaking = frames > HOP_FRAMES // 2
        quiet = np.where(speaking, 0, self._quiet[rows] + 1)
        self._quiet[rows] = quiet
        going_on = speaking | (self._turn[rows] > 0)
        self._turn[rows] = np.where((quiet < TURN_END_HOPS) & going_on, self._turn[rows] + 1, 0)

    def talking(self, rows: Rows) -> BoolArray:
        """Return whether parties talk now, short pauses included, shape (n,)."""
        result: BoolArray = self._quiet[rows] < TALKING_HOPS
        return result

    def speech_share(self, rows: Rows) -> FloatArray:
        """Return the share of the last second that was speech, shape (n,)."""
        share: FloatArray = (self._recent(rows).sum(axis=1) / (SECOND_HOPS * HOP_FRAMES)).astype(np.float32)
        return share

    def level(self, rows: Rows) -> FloatArray:
        """Return the level of the last second's speech in dBFS, NaN where there was none, shape (n,)."""
        frames = self._recent(rows).sum(axis=1)
        mean = self._power[rows].sum(axis=1) / np.maximum(frames, 1)
        return np.where(frames > 0, 10.0 * np.log10(mean + np.float32(1e-10)), np.nan).astype(np.float32)

    def turn(self, rows: Rows) -> FloatArray:
        """Return the seconds since the present turn began, 0 while silent, shape (n,)."""
        return (self._turn[rows] * HOP_S).astype(np.float32)

    def rate(self, rows: Rows) -> FloatArray:
        """Return syllables per second of speech over the last 2 s, NaN below 0.5 s of speech, shape (n,)."""
        spoken = self._speech[rows].sum(axis=1) * np.float32(FRAME_S)
        count = self._syllables[rows].sum(axis=1)
        return np.where(spoken >= 0.5, count / np.maximum(spoken, 0.5), np.nan).astype(np.float32)

    def _recent(self, rows: Rows) -> NDArray[np.int8]:
        at = (self._hops[rows][:, None] - 1 - np.arange(SECOND_HOPS)) % RATE_HOPS
        result: NDArray[np.int8] = self._speech[rows[:, None], at]
        return result

    def _count_syllables(self, rows: Rows, heard: Heard) -> NDArray[np.int8]:
        """Count level peaks with _SYLLABLE_DB on both sides; `turning` is the extreme since the last turning point."""
        smooth, turning, rising = self._smooth[rows], self._turning[rows], self._rising[rows]
        count = np.zeros(len(rows), np.int8)
        for frame in range(HOP_FRAMES):
            smooth = 0.5 * (smooth + np.maximum(heard.level[:, frame], -70.0))
            turning = np.where(rising, np.maximum(turning, smooth), np.minimum(turning, smooth))
            turned = np.abs(smooth - turning) > _SYLLABLE_DB
            count += turned & rising & heard.speech[:, frame]
            turning = np.where(turned, smooth, turning)
            rising = rising ^ turned
        self._smooth[rows], self._turning[rows], self._rising[rows] = smooth, turning, rising
        return count
