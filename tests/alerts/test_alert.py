"""The life of an alert is its table, and nothing else."""

from itertools import product
from typing import get_args

import pytest

from callguard.alerts.alert import TABLE, Alert, AlertError, State, Step


def alert(state: State = "pending", **fields: object) -> Alert:
    return Alert.model_validate(
        {"id": "1", "call": "c", "rule": "R", "leg": "customer", "severity": "critical", "state": state, **fields}
    )


@pytest.mark.parametrize(("state", "step"), list(product(get_args(State), get_args(Step))))
def test_only_steps_of_the_table_can_be_taken(state: State, step: Step) -> None:
    found = alert(state)
    if (state, step) in TABLE:
        found.move(step)
        assert found.state == TABLE[state, step]
    else:
        with pytest.raises(AlertError, match=f"alert 1 is {state}; it can't {step}"):
            found.move(step)
        assert found.state == state


def test_need_is_severity_then_score_then_age() -> None:
    old, new = alert(score=0.5, fired_at=1.0), alert(score=0.5, fired_at=2.0)
    strong, mild = alert(score=0.9, fired_at=3.0), alert(score=1.0, severity="warning", fired_at=0.0)
    assert sorted([new, mild, strong, old], key=lambda each: each.rank) == [mild, new, old, strong]


def test_nothing_that_was_inferred_is_left_when_it_is_forgotten() -> None:
    found = alert("fired", evidence={"a": 1}, annotations={"summary": "s"}, score=0.7, basis="emotion", rule="R")
    found.forget()
    assert (found.evidence, found.annotations, found.score, found.basis) == ({}, {}, 0.0, "none")
    assert (found.state, found.rule) == ("fired", "R")
