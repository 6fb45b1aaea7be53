"""Errors of expressions point at the right column and say what is allowed; garbage raises nothing else."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callguard.rules.language.lexer import LONGEST, ExpressionError
from callguard.rules.language.parser import FUNCTIONS, parse
from tests.rules.reference import SIGNALS

ERRORS = {
    "customer.raised_voise > 0.6": (1, "did you mean 'customer.raised_voice'"),
    "1 < call.raised_voice": (5, "did you mean 'customer.raised_voice'"),
    "raised_voice > 0.6": (1, "did you mean 'customer.raised_voice'"),
    "customer.speech > raisd": (19, "did you mean 'raised'"),
    "agent.raised_voice > 0.5": (1, "AI Act"),
    "1 < 2 and agent.anger > 0.5": (11, "AI Act"),
    "max(agent.raised_voice, 5s) > 0.5": (5, "AI Act"),
    "customer.speech": (1, "is a number; expected a condition"),
    "(1 < 2) + 1 < 3": (2, "is a condition; expected a number"),
    "customer.speech = 1": (17, "write =="),
    "customer.speech > 80%": (21, "a share"),
    "1 < 2 && 2 < 3": (7, "write and"),
    "": (1, "empty"),
    "1 <": (4, "unexpected the end"),
    "(1 < 2": (1, "expected ')'"),
    "1 < 2)": (6, "unexpected ')'"),
    "avg(customer.speech, 3) > 1": (22, "expected a duration such as 10s, found '3'"),
    "avg(customer.speech, 3m) > 1": (22, "500ms to 2m"),
    "avg(3, 3s) > 1": (5, "expected a signal"),
    "mean(customer.speech, 3s) > 1": (1, "unknown function 'mean'"),
    "share_above(customer.speech, 10s) > 1": (1, "needs an amount"),
    "default(customer.speech, agent.speech) > 1": (26, "expected a number or a threshold"),
    "customer.speech > 10s": (19, "a duration stands only inside a function"),
    "1 < 99999999999": (5, "out of range"),
    "not " * 60 + "1 < 2": (161, "nested deeper"),
    "1" + "+1" * 200 + " < 2": (201, "more than 200"),
    "1 < 2 " * 400: (LONGEST + 1, "longer than"),
}


@pytest.mark.parametrize(("text", "expected"), ERRORS.items())
def test_errors_name_the_column_and_what_is_allowed(text: str, expected: tuple[int, str]) -> None:
    column, message = expected
    with pytest.raises(ExpressionError) as error:
        parse(text, {"raised": 0.6})
    assert message in str(error.value)
    assert error.value.column == column


def test_errors_of_several_lines_name_the_line() -> None:
    with pytest.raises(ExpressionError, match="line 2 column 5: unknown signal"):
        parse("1 < 2\nand customer.x > 1")


words = st.sampled_from(
    [
        *FUNCTIONS,
        *SIGNALS,
        "and",
        "or",
        "not",
        "(",
        ")",
        ",",
        "<",
        ">=",
        "==",
        "-",
        "*",
        "/",
        "1",
        ".5",
        "2s",
        "1m30s",
        "x",
    ]
)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(st.text(), st.lists(words, max_size=30).map(" ".join)))
@example("١ < 2")
@example("1e999 < 2")
@example("(" * 999)
@example("-" * 999)
@example("\x00")
def test_garbage_raises_nothing_but_expression_errors(text: str) -> None:
    column = 1
    try:
        parse(text, {"x": 1.0})
    except ExpressionError as error:
        column = error.column
    assert 1 <= column <= len(text) + 1
