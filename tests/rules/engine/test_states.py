"""`for` and `keep_firing_for` move a rule through idle, pending and firing; nothing else does."""

import numpy as np
import pytest

from callguard.rules.engine.states import FIRING, IDLE, PENDING, Change, RuleStates


class Run:
    """One rule on one call, stepped at 0.1 s."""

    def __init__(self, for_s: float, keep_s: float) -> None:
        self.states = RuleStates([for_s], [keep_s], 1)
        self.step = 0

    def hold(self, holds: bool, seconds: float) -> list[tuple[str, float]]:
        found = []
        for _ in range(round(seconds * 10)):
            self.step += 1
            changes = self.states.advance(np.array([[holds]]), self.step * 0.1)
            found += [(change.kind, round(self.step * 0.1, 1)) for change in changes]
        return found


def test_it_waits_for_the_whole_of_for_and_of_keep_firing_for() -> None:
    run = Run(1, 2)
    assert run.hold(True, 2) == [("pending", 0.1), ("fired", 1.1)]
    assert run.hold(False, 3) == [("resolved", 4.0)]
    assert run.hold(True, 0.1) == [("pending", 5.1)]


def test_without_for_it_fires_at_once_and_is_never_told_pending() -> None:
    run = Run(0, 0)
    assert run.hold(True, 0.2) == [("fired", 0.1)]
    assert run.hold(False, 0.2) == [("resolved", 0.3)]


def test_a_gap_cancels_what_is_pending_and_the_time_begins_anew() -> None:
    run = Run(1, 0)
    assert run.hold(True, 0.9) == [("pending", 0.1)]
    assert run.hold(False, 0.1) == [("cancelled", 1.0)]
    assert run.hold(True, 1.1) == [("pending", 1.1), ("fired", 2.1)]


def test_a_gap_shorter_than_keep_firing_for_is_bridged() -> None:
    run = Run(0, 1)
    run.hold(True, 0.1)
    assert run.hold(False, 0.9) + run.hold(True, 0.1) + run.hold(False, 0.9) == []
    assert run.hold(False, 0.1) == [("resolved", 2.1)]


@pytest.mark.parametrize("seconds", [0.3, 0.7, 1.1, 6.3])
def test_binary_fractions_cost_no_step(seconds: float) -> None:
    run = Run(seconds, 0)
    assert run.hold(True, seconds + 0.2)[-1] == ("fired", pytest.approx(0.1 + seconds))


def test_nothing_happens_while_nothing_holds() -> None:
    states = RuleStates([1], [1], 2)
    assert states.advance(np.zeros((1, 2), bool), 1.0) == []
    assert (states.held == 0).all()


def test_rules_and_calls_move_on_their_own_and_ends_are_told_before_begins() -> None:
    states = RuleStates([0, 1], [0, 0], 2)
    assert states.advance(np.array([[True, False], [True, True]]), 1.0) == [
        Change("pending", 1, 0), Change("pending", 1, 1), Change("fired", 0, 0),
    ]  # fmt: skip
    assert states.advance(np.array([[False, True], [False, True]]), 2.0) == [
        Change("cancelled", 1, 0), Change("resolved", 0, 0), Change("fired", 0, 1), Change("fired", 1, 1),
    ]  # fmt: skip


def test_clearing_a_call_is_told_to_nobody_and_leaves_the_others() -> None:
    states = RuleStates([0], [0], 2)
    states.advance(np.array([[True, True]]), 1.0)
    states.clear(0)
    assert states.state.tolist() == [[IDLE, FIRING]]
    assert states.advance(np.array([[False, True]]), 2.0) == []


def test_a_rule_can_be_ended_whatever_its_condition_says() -> None:
    states = RuleStates([0, 5], [9, 9], 2)
    states.advance(np.array([[True, False], [True, False]]), 1.0)
    assert states.end(0, 0) == Change("resolved", 0, 0)
    assert states.end(1, 0) == Change("cancelled", 1, 0)
    assert states.end(0, 0) is states.end(0, 1) is None
    assert (states.state == IDLE).all()


def test_a_new_set_takes_over_the_state_of_one_rule() -> None:
    old = RuleStates([0, 2], [5, 5], 1)
    old.advance(np.array([[True], [True]]), 1.0)
    new = RuleStates([2, 0], [5, 5], 1)
    new.adopt(0, old, 1)
    assert new.state.tolist() == [[PENDING], [IDLE]]
    assert new.advance(np.array([[True], [False]]), 3.0) == [Change("fired", 0, 0)]
    later = RuleStates([2], [1], 1)
    later.adopt(0, new, 0)
    assert later.advance(np.array([[False]]), 3.9) == []
    assert later.advance(np.array([[False]]), 4.0) == [Change("resolved", 0, 0)]
