"""Annotations with values in them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.rules.language.ast import Ref
from callguard.rules.language.lexer import ExpressionError
from callguard.rules.language.template import parse_template

FACTS = {"queue": "support", "rule": "R", "mode": None}


def fill(text: str, value: float = 0.456) -> str:
    return parse_template(text).fill(lambda _: value, FACTS)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("{customer.raised_voice}", "0.46"),
        ("{customer.raised_voice:.0%} of {queue}", "46% of support"),
        ("{{{rule}}}", "{R}"),
        ("{mode}", "none"),
    ],
)
def test_braces_are_filled(text: str, filled: str) -> None:
    assert fill(text) == filled


def test_what_is_not_known_reads_unjudged() -> None:
    assert fill("at {customer.anger:.0%}", math.nan) == "at unjudged"


def test_a_template_names_what_it_reads() -> None:
    assert parse_template("{call.talk_over} {queue}").reads == (Ref("call", "talk_over"),)


@pytest.mark.parametrize(
    "text", ["{", "}", "{}", "{x}", "{customer.raised_voice!r}", "{queue.__class__}", "{rule:>9999}"]
)
def test_other_braces_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_template(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("at {{ $value }}", "write a signal in single braces, such as {customer.raised_voice:.0%}"),
        ("at {{$value | humanizePercentage}}", "single braces"),
        ('{{ printf "%.2f" $value }}', "single braces"),
        ("{{ .Value }}", "single braces"),
        ("in {{ $labels.queue }}", "write {queue}"),
        ("of {{ $labels.instance }}", "or one of {queue}, {language}, {mode}, {rule}"),
        ("at {{ customer.raised_voice }}", "write {customer.raised_voice}"),
        ("{{queue}}", "write {queue}"),
    ],
)
def test_a_value_in_prometheus_form_is_refused_with_the_right_form(text: str, form: str) -> None:
    with pytest.raises(ExpressionError, match=r"would stand in the text as it is") as refused:
        parse_template(text)
    assert form in str(refused.value)


@pytest.mark.parametrize(
    ("text", "filled"),
    [("{{}}", "{}"), ("{{ten words}}", "{ten words}"), ("{{{rule}}}", "{R}"), ("100 $ {{", "100 $ {")],
)
def test_doubled_braces_still_stand_for_braces(text: str, filled: str) -> None:
    assert fill(text) == filled


@given(st.text())
def test_garbage_raises_nothing_but_expression_errors(text: str) -> None:
    try:
        template = parse_template(text)
    except ExpressionError:
        return
    assert isinstance(template.fill(lambda _: 0.5, {}), str)
