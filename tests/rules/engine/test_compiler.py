"""Compiled expressions mean what a plain reading of them means, for all calls at once."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.rules.engine.compiler import Inputs, Verdict, compile_condition, needs_of, reads_of
from callguard.rules.engine.history import History
from callguard.rules.language.ast import Ref
from callguard.rules.language.parser import parse
from callguard.rules.language.symbols import resolve
from tests.rules.reference import HOP_S, SIGNALS, THRESHOLDS, Past, Piece, conditions, pasts

NAN = math.nan


def judge(text: str, calls: list[Past]) -> Verdict:
    """Evaluate an expression at the end of several calls, each padded at its start."""
    tree = parse(text, THRESHOLDS)
    refs = [resolve(signal) for signal in SIGNALS]
    history = History(needs_of(tree), refs, len(calls), HOP_S)
    length = max(len(past[SIGNALS[0]]) for past in calls)
    present: dict[Ref, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for step in range(length):
            for ref in refs:
                padded = [[NAN] * (length - len(past[str(ref)])) + past[str(ref)] for past in calls]
                present[ref] = np.array([values[step] for values in padded], np.float32)
            history.push(present)
        verdict = compile_condition(tree)(Inputs(present, history))
    return Verdict(*(np.broadcast_to(side, len(calls)) for side in verdict))


def judge_now(text: str, value: float) -> bool | None:
    """Evaluate at one value of customer.raised_voice."""
    yes, no = judge(text, [{signal: [value] for signal in SIGNALS}])
    return True if yes[0] else False if no[0] else None


@settings(max_examples=400, deadline=None)
@given(conditions, st.lists(pasts(), min_size=1, max_size=3))
def test_random_expressions_equal_a_scalar_reference(piece: Piece, calls: list[Past]) -> None:
    verdict = judge(piece.text, calls)
    for call, past in enumerate(calls):
        with np.errstate(all="ignore"):
            expected = piece.value(past)
        assert (bool(verdict.yes[call]), bool(verdict.no[call])) == (expected is True, expected is False), piece.text


@pytest.mark.parametrize(
    "text",
    [
        "customer.raised_voice > 0.6",
        "customer.raised_voice <= 0.6",
        "customer.raised_voice != 0.6",
        "not customer.raised_voice > 0.6",
        "not (customer.raised_voice > 0.6 and customer.raised_voice > 0.1)",
        "not not customer.raised_voice == 1",
        "customer.raised_voice / 0 > 1",
        "0.1 < customer.raised_voice < 0.9",
        "not max(customer.raised_voice, 2s) > 0.5",
        "not rising(customer.raised_voice, 2s)",
        "rate(customer.raised_voice, 2s) == 0",
    ],
)
def test_what_is_not_judged_never_fires(text: str) -> None:
    assert judge_now(text, NAN) is None


def test_unknown_or_true_is_true_and_unknown_and_false_is_false() -> None:
    assert judge_now("customer.raised_voice > 1 or 1 < 2", NAN) is True
    assert judge_now("customer.raised_voice > 1 and 2 < 1", NAN) is False


def test_default_stands_in_for_what_is_not_known() -> None:
    assert judge_now("not default(max(customer.raised_voice, 2s), 0) > 0.6", NAN) is True


def test_a_literal_equals_the_signal_of_the_same_writing() -> None:
    assert judge_now("customer.raised_voice > 0.6", 0.6) is False
    assert judge_now("customer.raised_voice == 0.6", 0.6) is True


def test_a_division_by_zero_is_not_known() -> None:
    assert judge_now("1 / customer.raised_voice > 1", 0.0) is None
    assert judge_now("not 1 / customer.raised_voice < 1", 0.0) is None


def test_comparisons_chain() -> None:
    assert judge_now("0.2 < customer.raised_voice < 0.4", 0.3) is True
    assert judge_now("0.2 < customer.raised_voice < 0.4", 0.5) is False


def test_words_bind_as_in_python() -> None:
    assert judge_now("1 < 2 or 1 < 2 and 2 < 1", 0) is True
    assert judge_now("not 1 < 2 or 1 < 2", 0) is True
    assert judge_now("1 + 2 * 3 == 7", 0) is True
    assert judge_now("8 - 2 - 1 == 5", 0) is True
    assert judge_now("-2 * 3 == -6", 0) is True


def test_reads_are_in_the_order_of_the_text() -> None:
    tree = parse("agent.speech > 0 and max(customer.anger, 1s) > agent.speech")
    assert list(map(str, reads_of(tree))) == ["agent.speech", "customer.anger"]
