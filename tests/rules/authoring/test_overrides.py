"""A rule set with something changed: a threshold by name, or what one rule compares a signal with."""

import pytest

from callguard.config import ConfigError
from callguard.rules.authoring.overrides import with_overrides
from tests.rules.authoring.test_backtest import FILES


def test_a_change_reaches_amounts_inside_functions() -> None:
    rules = with_overrides(FILES, ["Share.raised_voice=0.95", "Rise.raised_voice=0.65"])
    assert [rule.expr for rule in rules][1:] == [
        "share_above(customer.raised_voice, 0.95, 2s) > 0.5",
        "rising(customer.raised_voice, 0.65, 2s)",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("raise=0.7", "no such threshold; did you mean 'raised'?"),
        ("raised", "allowed: THRESHOLD=0.7"),
        ("raised=loud", "not a number"),
        ("raised=nan", "not a number"),
        ("Raisd.for=1s", "no such rule; did you mean 'Raised'?"),
        ("Raised.for=1", "expected a duration"),
        ("Raised.talk_over=1", "compares 'talk_over' with nothing"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(change: str, problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        with_overrides(FILES, [change])
    assert problem in error.value.problems[0]


def test_without_changes_the_rules_are_those_of_the_files() -> None:
    assert next(rule.expr for rule in with_overrides(FILES, [])) == "customer.raised_voice > raised"
    assert with_overrides(FILES, []).thresholds == {"raised": 0.6}


def test_a_threshold_changes_wherever_it_is_used_and_one_rule_by_its_signal() -> None:
    text = """thresholds: {t: 0.5}
groups: [{name: g, rules: [{alert: A, expr: customer.speech > t}, {alert: B, expr: t < agent.speech}]}]"""
    files = [("r", text)]
    assert [rule.named for rule in with_overrides(files, ["t=0.75"])] == [{"t": 0.75}, {"t": 0.75}]
    assert [rule.expr for rule in with_overrides(files, ["B.agent.speech=0.75"])] == [
        "customer.speech > t",
        "0.75 < agent.speech",
    ]
    assert [rule.expr for rule in with_overrides(files, [" A.speech = 0.25 ", "B.speech=0.5"])] == [
        "customer.speech > 0.25", "0.5 < agent.speech",
    ]  # fmt: skip


def test_durations_of_one_rule_change_and_those_of_others_do_not() -> None:
    rules = {rule.name: rule for rule in with_overrides(FILES, ["Raised.for=2s", "Raised.keep_firing_for=5s"])}
    assert (rules["Raised"].for_s, rules["Raised"].keep_firing_for_s) == (2.0, 5.0)
    assert (rules["Share"].for_s, rules["Share"].keep_firing_for_s) == (0.0, 0.0)


def test_every_comparison_of_the_signal_changes_and_no_other() -> None:
    expr = "customer.speech > 0.1 and customer.speech < 0.9 and share_above(agent.speech, 0.3, 2s) > 0.5"
    files = [("r", f"groups: [{{name: g, rules: [{{alert: A, expr: '{expr}'}}]}}]")]
    (rule,) = with_overrides(files, ["A.customer.speech=0.7"])
    assert rule.expr == "customer.speech > 0.7 and customer.speech < 0.7 and share_above(agent.speech, 0.3, 2s) > 0.5"
    (rule,) = with_overrides(files, ["A.agent.speech=0.7"])
    assert rule.expr == "customer.speech > 0.1 and customer.speech < 0.9 and share_above(agent.speech, 0.7, 2s) > 0.5"


def test_an_amount_below_nought_is_replaced_with_its_sign() -> None:
    expr = "share_above(customer.level_rise_db, -3, 2s) > 0.5"
    files = [("r", f"groups: [{{name: g, rules: [{{alert: A, expr: '{expr}'}}]}}]")]
    (rule,) = with_overrides(files, ["A.level_rise_db=-4.5"])
    assert rule.expr == "share_above(customer.level_rise_db, -4.5, 2s) > 0.5"


@pytest.mark.parametrize("change", ["=0.7", "raised=", "raised", " = "])
def test_what_is_no_change_is_refused_with_the_forms(change: str) -> None:
    with pytest.raises(ConfigError, match=r"allowed: THRESHOLD=0\.7, RULE\.signal=0\.7"):
        with_overrides(FILES, [change])
