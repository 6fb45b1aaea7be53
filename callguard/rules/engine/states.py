"""`for` and `keep_firing_for` of every rule on every call, as arrays.

    idle     -> pending   the condition holds
    pending  -> idle      it stopped before `for` was over                     "cancelled"
    pending  -> firing    it held for `for`, without a gap                     "fired"
    firing   -> idle      it has not held for `keep_firing_for`                "resolved"

What is unknown does not hold: a leg that stops being judged cancels what is pending at once and resolves what is firing
after `keep_firing_for`.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.contracts.messages import TransitionKind

IDLE: Final = 0
PENDING: Final = 1
FIRING: Final = 2
CLOCK_EPSILON_S: Final = 0.001
"""Ten steps of 0.1 s are 1 s, whatever binary fractions add up to."""

Bools = NDArray[np.bool_]


class Change(NamedTuple):
    """A rule changed state on a call; rows, not names."""

    kind: TransitionKind
    rule: int
    call: int


class RuleStates:
    """State columns; every array has shape (rules, calls).

    Attributes:
        state: IDLE, PENDING or FIRING.
        since: when the present pending began, engine seconds.
        held: when the condition held last, engine seconds.
    """

    def __init__(self, for_s: list[float], keep_s: list[float], calls: int) -> None:
        shape = (len(for_s), calls)
        self._for = np.array(for_s, dtype=np.float64).reshape(-1, 1)
        self._keep = np.array(keep_s, dtype=np.float64).reshape(-1, 1)
        self.state: NDArray[np.uint8] = np.zeros(shape, dtype=np.uint8)
        self.since: NDArray[np.float64] = np.zeros(shape)
        self.held: NDArray[np.float64] = np.zeros(shape)

    def advance(self, holds: Bools, now: float) -> list[Change]:
        """Move every rule on every call by one step."""
        active = self.state != IDLE
        if not (holds | active).any():
            return []
        started = holds & ~active
        self.since[started] = now
        self.state[started] = PENDING
        self.held[holds] = now
        pending = self.state == PENDING
        fired = pending & holds & (now - self.since >= self._for - CLOCK_EPSILON_S)
        cancelled = pending & ~holds
        resolved = (self.state == FIRING) & ~holds & (now - self.held >= self._keep - CLOCK_EPSILON_S)
        self.state[fired] = FIRING
        self.state[cancelled | resolved] = IDLE
        return [
            *_changes("cancelled", cancelled),
            *_changes("resolved", resolved),
            *_changes("pending", started & ~fired),
            *_changes("fired", fired),
        ]

    def clear(self, call: int) -> None:
        """Set every rule idle on a call."""
        self.state[:, call] = IDLE

    def end(self, rule: int, call: int) -> Change | None:
        """Stop a rule on a call, whatever its condition says; return the change, if there is one."""
        state = self.state[rule, call]
        self.state[rule, call] = IDLE
        if state == IDLE:
            return None
        return Change("resolved" if state == FIRING else "cancelled", rule, call)

    def adopt(self, row: int, old: "RuleStates", old_row: int) -> None:
        """Take over one rule's state from another set."""
        for name in ("state", "since", "held"):
            getattr(self, name)[row] = getattr(old, name)[old_row]


def _changes(kind: TransitionKind, where: Bools) -> list[Change]:
    return [Change(kind, int(rule), int(call)) for rule, call in np.argwhere(where)]
