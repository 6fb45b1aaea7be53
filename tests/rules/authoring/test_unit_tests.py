"""Unit tests of rules as data: they pass, fail with a readable difference, or are refused by line."""

import pytest

from callguard.config import ConfigError
from callguard.rules.authoring.unit_tests import Failure, run_unit_tests

RULES = """groups:
  - name: g
    rules:
      - alert: Raised
        expr: customer.raised_voice > 0.6
        for: 1s
        annotations: {summary: "at {customer.raised_voice:.0%}"}
"""


def run(expect: str, series: str = 'customer.raised_voice: "0.2x1s 0.9x2s"', **facts: str) -> list[Failure]:
    text = f"""rule_files: [rules.yaml]
tests:
  - name: it
    facts: {{{", ".join(f"{k}: {v}" for k, v in facts.items())}}}
    series:
      {series}
    expect:
      - {expect}
"""
    count, failures = run_unit_tests("t.yaml", text, lambda name: (name, RULES))
    assert count == 1
    return failures


@pytest.mark.parametrize(
    "expect",
    [
        "{at: 1s, firing: [], pending: [], fired: []}",
        "{at: 1.5s, pending: [Raised], firing: []}",
        '{at: 3s, firing: [Raised], summary: {Raised: "at 90%"}}',
    ],
)
def test_expectations_that_hold(expect: str) -> None:
    assert run(expect) == []


def test_a_failure_shows_expected_found_and_the_signals() -> None:
    (failure,) = run("{at: 1.5s, firing: [Raised]}")
    assert (failure.file, failure.line, failure.test) == ("t.yaml", 8, "it")
    assert "at 1.5s:" in failure.message
    assert "firing    expected Raised, found none" in failure.message
    assert "customer.raised_voice=0.9" in failure.message


def test_a_rule_that_fires_unasked_is_a_failure() -> None:
    assert "fired     expected none, found Raised" in run("{at: 3s, fired: []}")[0].message


def test_a_wrong_text_is_a_failure() -> None:
    (failure,) = run("{at: 3s, summary: {Raised: calm}}")
    assert "summary   Raised: expected 'calm', found 'at 90%'" in failure.message


@pytest.mark.parametrize(
    ("expect", "series", "problem"),
    [
        ("{at: 9s, firing: []}", 'customer.speech: "1x1s"', "t.yaml:8: test 'it': at 9s: the series ends before"),
        ("{at: 1s, firing: [Raise]}", 'customer.speech: "1x1s"', "no rule 'Raise'; did you mean 'Raised'?"),
        ("{at: 1s}", 'customer.speach: "1x1s"', "t.yaml:6: test 'it': customer.speach: unknown signal"),
        ("{at: 1s}", 'customer.speech: "1xx"', "'1xx' is not a piece of a series; allowed"),
        ("{at: 1}", 'customer.speech: "1"', "expected a duration"),
        ("{at: 1s, fring: []}", 'customer.speech: "1"', "unknown key; did you mean 'firing'?"),
    ],
)
def test_a_test_that_cannot_be_run_is_refused_by_line(expect: str, series: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        run(expect, series)
    assert problem in error.value.problems[0]
