"""Compute the signals of calls: talk-over, interruptions, silence, and the trend of the customer's raised voice.

They are known only while both parties are heard: a party without audio is not the same as a silent party.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.activity import Activity
from callguard.audio.features import FloatArray
from callguard.audio.frames import HOP_S
from callguard.signals.table import CALL_INDEX, NO_ROW, SignalTable

OVERLAP_HOPS: Final = 100
"""Hops of the window of `talk_over` (10 s)."""
MINUTE_HOPS: Final = 600
CUT_IN_S: Final = 0.5
"""Least seconds for which the interrupted party must have talked."""
CUT_IN_HOPS: Final = 4
"""Hops that both must talk for an interruption (0.4 s): shorter overlap is assent."""
TREND_POINTS: Final = 60
"""Judged half-seconds that make the trend (30 s of speech)."""
TREND_LEAST: Final = 12
_POINT_MIN: Final = 0.5 / 60
_MOST_CUT_INS: Final = 32
"""Most interruptions in a minute that are counted."""

_TALK_OVER: Final = CALL_INDEX["talk_over"]
_BY_CUSTOMER: Final = CALL_INDEX["interruptions_customer"]
_BY_AGENT: Final = CALL_INDEX["interruptions_agent"]
_SILENCE: Final = CALL_INDEX["silence_s"]
_ESCALATING: Final = CALL_INDEX["escalating"]
_OF_BOTH: Final = np.array([_TALK_OVER, _BY_CUSTOMER, _BY_AGENT, _SILENCE])


class Conversations:
    """State of the calls' turn-taking between hops."""

    def __init__(self, table: SignalTable) -> None:
        calls = len(table.live)
        self._table = table
        self._both: NDArray[np.bool_] = np.zeros((calls, OVERLAP_HOPS), np.bool_)
        self._overlap: NDArray[np.int32] = np.zeros(calls, np.int32)
        self._beginner: NDArray[np.int8] = np.zeros(calls, np.int8)
        self._cut_ins: NDArray[np.int64] = np.zeros((2, calls, _MOST_CUT_INS), np.int64)
        self._cut_in_next: NDArray[np.intp] = np.zeros((2, calls), np.intp)
        self._hops: NDArray[np.int64] = np.zeros(calls, np.int64)
        self._silent: NDArray[np.int32] = np.zeros(calls, np.int32)
        self._trend: FloatArray = np.zeros((calls, TREND_POINTS), np.float32)
        self._points: NDArray[np.intp] = np.zeros(calls, np.intp)

    def open(self, call: int) -> None:
        """Begin a call."""
        self._both[call] = False
        self._overlap[call] = self._beginner[call] = self._hops[call] = self._silent[call] = self._points[call] = 0
        self._cut_ins[:, call] = -MINUTE_HOPS
        self._cut_in_next[:, call] = 0

    def step(self, calls: NDArray[np.intp], activity: Activity, heard: NDArray[np.bool_]) -> None:
        """Advance calls by one hop.

        Args:
            calls: shape (n,).
            activity: of all legs.
            heard: whether a leg's audio arrives and reaches the other party, shape (legs,).
        """
        table = self._table
        hears_customer, customer, customer_turn = _party(table.customer[calls], activity, heard)
        hears_agent, agent, agent_turn = _party(table.agent[calls], activity, heard)
        known, both = hears_customer & hears_agent, customer & agent
        self._both[calls, self._hops[calls] % OVERLAP_HOPS] = both
        self._silent[calls] = np.where(known & ~customer & ~agent, self._silent[calls] + 1, 0)
        self._note_cut_ins(calls, both, customer_turn, agent_turn)
        self._hops[calls] += 1
        self._show(calls)
        table.call[_OF_BOTH[:, None], calls[~known]] = np.nan
        table.call[_ESCALATING, calls[~hears_customer]] = np.nan

    def _show(self, calls: NDArray[np.intp]) -> None:
        table = self._table
        hops = np.minimum(self._hops[calls], OVERLAP_HOPS)
        table.call[_TALK_OVER, calls] = self._both[calls].sum(axis=1) / hops
        table.call[_SILENCE, calls] = self._silent[calls] * HOP_S
        since = self._hops[calls] - MINUTE_HOPS
        for who, signal in enumerate((_BY_CUSTOMER, _BY_AGENT)):
            table.call[signal, calls] = (self._cut_ins[who, calls] > since[:, None]).sum(axis=1)

    def follow(self, calls: NDArray[np.intp], raised: FloatArray) -> None:
        """Add judged half-seconds of customers to the trend and update `escalating`.

        Args:
            calls: shape (n,).
            raised: raised voice, shape (n,).
        """
        self._trend[calls, self._points[calls] % TREND_POINTS] = raised
        self._points[calls] += 1
        have = np.minimum(self._points[calls], TREND_POINTS)
        age = (self._points[calls][:, None] - 1 - np.arange(TREND_POINTS)) % TREND_POINTS
        time = np.where(age < have[:, None], -age * _POINT_MIN, np.nan)
        slope = _slopes(time, self._trend[calls])
        self._table.call[_ESCALATING, calls] = np.where(have >= TREND_LEAST, slope, np.nan)

    def _note_cut_ins(
        self, calls: NDArray[np.intp], both: NDArray[np.bool_], customer_turn: FloatArray, agent_turn: FloatArray
    ) -> None:
        begins = both & (self._overlap[calls] == 0)
        long_enough = np.maximum(customer_turn, agent_turn) >= CUT_IN_S
        # 1: the customer interrupted, 2: the agent interrupted, 0: both began together.
        who = np.where(long_enough, np.where(customer_turn < agent_turn, 1, 2), 0)
        self._beginner[calls] = np.where(begins, who, self._beginner[calls])
        self._overlap[calls] = np.where(both, self._overlap[calls] + 1, 0)
        certain = self._overlap[calls] == CUT_IN_HOPS
        for party in (0, 1):
            found = calls[certain & (self._beginner[calls] == party + 1)]
            self._cut_ins[party, found, self._cut_in_next[party, found] % _MOST_CUT_INS] = self._hops[found] + 1
            self._cut_in_next[party, found] += 1


def _party(
    rows: NDArray[np.intp], activity: Activity, heard: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], FloatArray]:
    """Return whether parties are heard, whether they talk, and the seconds of their turns; each of shape (n,)."""
    at = np.where(rows == NO_ROW, 0, rows)
    known = (rows != NO_ROW) & heard[at]
    return known, known & activity.talking(at), np.where(known, activity.turn(at), 0.0).astype(np.float32)


def _slopes(time: NDArray[np.float64], value: FloatArray) -> FloatArray:
    """Return the regression slopes over axis 1 where `time` is known, shape (n,)."""
    known = np.isfinite(time)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    centred = np.where(known, time - np.nansum(time, axis=1, keepdims=True) / count, 0.0)
    spread = np.maximum((centred**2).sum(axis=1), 1e-9)
    result: FloatArray = ((centred * value).sum(axis=1) / spread).astype(np.float32)
    return result
