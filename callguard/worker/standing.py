"""Finds reasons against judging a leg that lie in its call or its line, not in its sound. Pure."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.audio.frames import Hop, Rows
from callguard.audio.gates import CLIPPED_SHARE, LOST_SHARE, Reason, clipped_share, lost_share, signalled_dtmf
from callguard.contracts.messages import CallFacts
from callguard.signals.table import NO_ROW

STALLED_TICKS: Final = 10
"""Ticks without a hop (1 s) after which a leg counts as stalled; network jitter is far below."""
_FOLLOW: Final = 0.1
"""Weight of the newest hop in the shares of clipped and lost audio (averaged over about a second)."""
_DTMF_HOPS: Final = 5
"""Hops (0.5 s) after a signalled digit in which the leg is not judged."""
_SEPARATED: Final = (Reason.HOLD, Reason.APART)


class Standing:
    """Reasons against judging, of all legs and calls of a worker.

    Args:
        legs: rows of legs.
        calls: rows of calls.

    Attributes:
        call: the call row of each leg, NO_ROW where there is none, shape (legs,).
    """

    def __init__(self, legs: int, calls: int) -> None:
        self.call: NDArray[np.intp] = np.full(legs, NO_ROW, np.intp)
        self._of_call: NDArray[np.int8] = np.full(calls, Reason.JUDGED, np.int8)
        self._clipped: FloatArray = np.zeros(legs, np.float32)
        self._lost: FloatArray = np.zeros(legs, np.float32)
        self._dtmf: NDArray[np.int8] = np.zeros(legs, np.int8)
        self._quiet: NDArray[np.int32] = np.zeros(legs, np.int32)

    # --- calls and legs ---

    def open_call(self, call: int, facts: CallFacts) -> None:
        """Begin a call."""
        self._of_call[call] = _of_facts(facts)

    def update_call(self, call: int, facts: CallFacts) -> bool:
        """Take a call's new facts; return whether its parties talk again after hold or a consultation."""
        before, now = self._of_call[call], _of_facts(facts)
        self._of_call[call] = now
        return bool(before in _SEPARATED) and now not in _SEPARATED

    def open_leg(self, row: int, call: int) -> None:
        """Assign a row to a party of a call."""
        self.call[row] = call
        self._clipped[row] = self._lost[row] = self._dtmf[row] = 0
        self._quiet[row] = STALLED_TICKS  # until its first hop it counts as stalled

    def close_leg(self, row: int) -> None:
        """Free a party's row."""
        self.call[row] = NO_ROW

    # --- ticks and hops ---

    def tick(self) -> None:
        """Count a tick, in which every leg's hop is due."""
        self._quiet += 1

    def step(self, hop: Hop) -> NDArray[np.int8]:
        """Take a hop in; return the reason against judging each of its legs, JUDGED where there is none, shape (n,)."""
        rows = hop.rows
        self._quiet[rows] = 0
        self._clipped[rows] += _FOLLOW * (clipped_share(hop.pcm) - self._clipped[rows])
        self._lost[rows] += _FOLLOW * (lost_share(hop.flags) - self._lost[rows])
        self._dtmf[rows] = np.where(signalled_dtmf(hop.flags), _DTMF_HOPS, np.maximum(self._dtmf[rows] - 1, 0))
        against = self._of_calls(rows)
        against = np.where(self._clipped[rows] > CLIPPED_SHARE, np.maximum(against, Reason.CLIPPING), against)
        against = np.where(self._dtmf[rows] > 0, np.maximum(against, Reason.DTMF), against)
        against = np.where(self._lost[rows] > LOST_SHARE, np.maximum(against, Reason.LOST), against)
        return against.astype(np.int8)

    def stalled(self) -> tuple[Rows, NDArray[np.int8]]:
        """Return the stalled legs, and the reason against judging each."""
        rows = np.flatnonzero((self._quiet >= STALLED_TICKS) & (self.call != NO_ROW))
        against = self._of_calls(rows)
        return rows, np.where(against == Reason.JUDGED, np.int8(Reason.STALLED), against)

    def intact(self, rows: Rows) -> FloatArray:
        """Return the intact share of each leg's last second, 0-1: less for lost frames, 0 when it clips, shape (n,)."""
        share: FloatArray = (1 - self._lost[rows]) * (1 - np.minimum(self._clipped[rows] / CLIPPED_SHARE, 1))
        return share

    def _of_calls(self, rows: Rows) -> NDArray[np.int8]:
        call = self.call[rows]
        return np.where(call == NO_ROW, np.int8(Reason.OFF), self._of_call[call])


def _of_facts(facts: CallFacts) -> Reason:
    if facts.mode == "off":
        return Reason.OFF
    if facts.on_hold:
        return Reason.HOLD
    return Reason.JUDGED if facts.together else Reason.APART
