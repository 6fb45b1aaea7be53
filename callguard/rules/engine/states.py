"""Advance the states of every rule on every call by `for` and `keep_firing_for`, as arrays.

    idle     -> pending   the condition holds
    pending  -> idle      it stopped before `for` was over                     "cancelled"
    pending  -> firing    it held for `for`, without a gap                     "fired"
    firing   -> idle      it has not held for `keep_firing_for`                "resolved"

An unknown condition does not hold. So when a leg is no longer judged, its pending rules are cancelled at once and its
firing rules resolve after `keep_firing_for`.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.contracts.messages import TransitionKind

IDLE: Final = 0
PENDING: Final = 1
FIRING: Final = 2
CLOCK_EPSILON_S: Final = 0.001
"""Tolerance in seconds: ten steps of 0.1 s count as 1 s although their binary fractions add up to less."""

Bools = NDArray[np.bool_]


class Change(NamedTuple):
    """One rule's change of state on one call; both are row numbers."""

    kind: TransitionKind
    rule: int
    call: int


class RuleStates:
    """State columns; every array has shape (rules, calls).

    Attributes:
        state: IDLE, PENDING or FIRING.
        since: start of the present pending state, engine seconds.
        held: last time at which the condition held, engine seconds.
    """

    def __init__(self, for_s: list[float], keep_s: list[float], calls: int) -> None:
        shape = (len(for_s), calls)
        self._for = np.array(for_s, dtype=np.float64).reshape(-1, 1)
        self._keep = np.array(keep_s, dtype=np.float64).reshape(-1, 1)
        self.state: NDArray[np.uint8] = np.zeros(shape, dtype=np.uint8)
        self.since: NDArray[np.float64] = np.zeros(shape)
        self.held: NDArray[np.float64] = np.zeros(shape)

    def advance(self, holds: Bools, now: float) -> list[Change]:
        """Advance every rule on every call by one step; return the changes."""
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
        """Set every rule of a call to idle."""
        self.state[:, call] = IDLE

    def end(self, rule: int, call: int) -> Change | None:
        """Set a rule on a call to idle, whatever its condition; return the change, or None where it was idle."""
        state = self.state[rule, call]
        self.state[rule, call] = IDLE
        if state == IDLE:
            return None
        return Change("resolved" if state == FIRING else "cancelled", rule, call)

    def adopt(self, row: int, old: "RuleStates", old_row: int) -> None:
        """Copy one rule's state from another set."""
        for name in ("state", "since", "held"):
            getattr(self, name)[row] = getattr(old, name)[old_row]


def _changes(kind: TransitionKind, where: Bools) -> list[Change]:
    return [Change(kind, int(rule), int(call)) for rule, call in np.argwhere(where)]
