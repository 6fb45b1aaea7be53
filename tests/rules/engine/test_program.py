"""A rule made ready to run tells each comparison as its author wrote it, value first."""

import math

import numpy as np
import pytest

from callguard.rules import load_rules
from callguard.rules.engine.compiler import Inputs
from callguard.rules.engine.evidence import curve_refs
from callguard.rules.engine.history import History
from callguard.rules.engine.program import Program, compile_rule
from callguard.rules.language import symbols
from callguard.rules.language.ast import Ref


def program(expr: str, more: str = "") -> Program:
    (rule,) = load_rules([("r", f"groups: [{{name: g, rules: [{{alert: R, expr: '{expr}'{more}}}]}}]")])
    return compile_rule(rule)


def inputs(made: Program, *steps: dict[str, float], calls: int = 1) -> Inputs:
    """Every signal of every call, not known where it is not given; the last step is the present."""
    history = History(made.rule.needs, curve_refs(made.rule), calls, 0.1)
    present: dict[Ref, np.ndarray] = {}
    for step in steps:
        present = {ref: np.full(calls, step.get(str(ref), math.nan), np.float32) for ref in symbols.ALL}
        history.push(present)
    return Inputs(present, history)


def test_value_and_threshold_are_told_with_whether_it_holds() -> None:
    made = program("customer.raised_voice > 0.5 and call.talk_over < 0.25")
    given = inputs(made, {"customer.raised_voice": 0.75, "call.talk_over": 0.5})
    assert [check.text for check in made.checks] == ["customer.raised_voice > 0.5", "call.talk_over < 0.25"]
    assert [check.at(given, 0) for check in made.checks] == [(0.75, 0.5, True), (0.5, 0.25, False)]
    assert not made.verdict(given).yes[0]


@pytest.mark.parametrize(
    ("written", "operator"), [("<", ">"), ("<=", ">="), (">", "<"), (">=", "<="), ("==", "=="), ("!=", "!=")]
)
def test_a_threshold_that_stands_first_is_turned_round(written: str, operator: str) -> None:
    (check,) = program(f"0.5 {written} call.talk_over").checks
    assert check.operator == operator
    value, threshold, _ = check.at(inputs(program("call.talk_over > 0"), {"call.talk_over": 0.75}), 0)
    assert (value, threshold) == (0.75, 0.5)


def test_two_numbers_and_two_signals_stay_as_they_are_written() -> None:
    assert program("customer.speech < agent.speech").checks[0].operator == "<"
    assert program("1 < 2 and call.silence_s > 1").checks[0].operator == "<"


def test_a_rise_is_held_against_its_amount() -> None:
    made = program("rising(customer.raised_voice, 0.25, 600ms)")
    (check,) = made.checks
    given = inputs(made, *({"customer.raised_voice": level} for level in (0.25, 0.25, 0.25, 0.75, 0.75, 0.75)))
    assert (check.operator, check.model, check.at(given, 0)) == (">", True, (0.5, 0.25, True))


@pytest.mark.parametrize(
    ("expr", "model"),
    [
        ("customer.raised_voice > 0.5", True),
        ("0.5 < max(customer.anger, 2s) * 1", True),
        ("customer.level_rise_db > 3", False),
        ("rising(customer.level_dbfs, 3, 2s)", False),
    ],
)
def test_a_model_output_is_known_as_such(expr: str, model: bool) -> None:
    assert program(expr, ", modes: [emotion]").checks[0].model is model


def test_what_is_not_known_is_told_as_such_and_does_not_hold() -> None:
    made = program("customer.raised_voice > 0.5")
    value, threshold, holds = made.checks[0].at(inputs(made, {}), 0)
    assert math.isnan(value)
    assert (threshold, holds) == (0.5, False)


def test_each_call_has_values_of_its_own() -> None:
    made = program("call.talk_over > 0.5")
    given = inputs(made, {"call.talk_over": 0.25}, calls=2)
    given.present[Ref("call", "talk_over")][1] = 0.75
    assert [made.checks[0].at(given, call) for call in (0, 1)] == [(0.25, 0.5, False), (0.75, 0.5, True)]
    assert made.verdict(given).yes.tolist() == [False, True]
