"""From an alert's evidence to how strict a threshold could have been, for each form that names one."""

import json
import math
from typing import Any

import pytest

from callguard.rules import RuleSet, load_rules
from callguard.rules.authoring.limits import direction_of, limit_of
from tests.rules.engine.test_engine import Bench

THRESHOLDS = "thresholds: {raised: 0.5, mostly: 0.3, quiet: 10, risen: 0.1}"


def rule_set(expr: str) -> RuleSet:
    return load_rules([("r.yaml", f"{THRESHOLDS}\ngroups: [{{name: g, rules: [{{alert: R, expr: '{expr}'}}]}}]")])


def fired(rules: RuleSet, seconds: float = 1, **signals: float) -> dict[str, Any]:
    """Evidence of the first alert, as it comes back out of a stream."""
    bench = Bench(rules)
    evidence = next(each for each in bench.run(seconds, **signals) if each.kind == "fired").evidence
    card: dict[str, Any] = json.loads(json.dumps(evidence))
    return card


def limit(expr: str, name: str, evidence: dict[str, Any] | None = None, **signals: float) -> float | None:
    rules = rule_set(expr)
    (rule,) = rules
    direction = direction_of(rule, name)
    assert direction is not None
    return limit_of(rule, name, direction, evidence or fired(rules, **signals))


@pytest.mark.parametrize(
    ("expr", "name", "direction"),
    [
        ("customer.raised_voice > raised", "raised", 1),
        ("raised < customer.raised_voice", "raised", 1),
        ("customer.level_dbfs <= quiet", "quiet", -1),
        ("quiet >= customer.level_dbfs", "quiet", -1),
        ("share_above(customer.raised_voice, raised, 10s) > mostly", "raised", 1),
        ("share_above(customer.raised_voice, raised, 10s) > mostly", "mostly", 1),
        ("rising(customer.raised_voice, risen, 20s)", "risen", 1),
        ("max(customer.raised_voice, 5s) > raised or customer.raised_voice > raised", "raised", 1),
        # what can't be told
        ("call.talk_over > 0.1 and not customer.raised_voice > raised", "raised", None),
        ("customer.raised_voice > raised and not call.talk_over > raised", "raised", None),
        ("customer.raised_voice > raised and call.talk_over < raised", "raised", None),
        ("customer.raised_voice > raised + 0.1", "raised", None),
        ("customer.raised_voice == raised", "raised", None),
        ("customer.level_rise_db > -quiet", "quiet", None),
        ("share_above(customer.raised_voice, raised, 10s) < mostly", "raised", None),
        ("share_above(customer.raised_voice, raised, 10s) * 2 > mostly", "raised", None),
        ("quiet > 3 and customer.speech > 0.1", "quiet", None),
    ],
)
def test_which_way_a_threshold_gets_stricter(expr: str, name: str, direction: int | None) -> None:
    (rule,) = rule_set(expr)
    assert direction_of(rule, name) == direction


def test_a_comparison_stops_at_the_value_that_was_measured() -> None:
    assert limit("customer.raised_voice > raised", "raised", customer_raised_voice=0.8) == 0.8
    assert limit("raised < customer.raised_voice", "raised", customer_raised_voice=0.8) == 0.8
    assert limit("customer.level_rise_db < quiet", "quiet", customer_level_rise_db=4) == -4


def test_where_equal_is_enough_the_value_itself_still_fires() -> None:
    reached = limit("call.interruptions_customer >= risen", "risen", call_interruptions_customer=3)
    assert reached == math.nextafter(3, math.inf)


def test_of_two_conditions_the_first_to_fail_decides() -> None:
    signals: dict[str, Any] = {"customer_raised_voice": 0.8, "call_talk_over": 0.6}
    assert limit("customer.raised_voice > raised and call.talk_over > raised", "raised", **signals) == 0.6
    assert limit("customer.raised_voice > raised or call.talk_over > raised", "raised", **signals) == 0.8


def test_an_alert_that_fires_without_the_threshold_never_stops() -> None:
    signals: dict[str, Any] = {"customer_raised_voice": 0.8, "call_talk_over": 0.6}
    assert limit("customer.raised_voice > raised or call.talk_over > 0.1", "raised", **signals) == math.inf
    assert limit("customer.raised_voice > raised and call.talk_over > 0.1", "raised", **signals) == 0.8
    assert limit("customer.raised_voice > raised and not call.talk_over > 0.9", "raised", **signals) == 0.8


def test_what_was_not_known_under_a_not_counts_as_not_held() -> None:
    expr = "customer.raised_voice > raised and (not call.talk_over > 0.9 or call.elapsed_s > 1)"
    rules = rule_set(expr)
    card = fired(rules, customer_raised_voice=0.8, call_elapsed_s=9, call_talk_over=0.1)
    card["comparisons"][1]["value"] = None
    assert limit(expr, "raised", card) == 0.8
    card["comparisons"][2]["holds"] = False
    assert limit(expr, "raised", card) is None


def test_a_share_stops_at_the_level_that_the_voice_exceeded_for_that_share() -> None:
    expr = "share_above(customer.raised_voice, raised, 10s) > mostly"
    rules = rule_set(expr)
    bench = Bench(rules)
    bench.run(20, customer_raised_voice=0.2)
    bench.run(2, customer_raised_voice=0.9)
    card = next(each for each in bench.run(9, customer_raised_voice=0.6) if each.kind == "fired").evidence
    assert limit(expr, "raised", card) == pytest.approx(0.6)
    assert limit(expr, "mostly", card) == pytest.approx(0.31, abs=0.011)


def test_the_level_of_a_share_is_where_the_rule_itself_ceases_to_fire() -> None:
    expr = "share_above(customer.raised_voice, raised, 4s) > 0.5"
    text = f"{THRESHOLDS}\ngroups: [{{name: g, rules: [{{alert: R, for: 3900ms, expr: '{expr}'}}]}}]"
    steps = [0.55, 0.95, 0.75, 0.65, 0.85, 0.6, 0.7, 0.8] * 3
    cards: dict[float, Any] = {}
    for raised in (0.5, 0.69, 0.7):
        rules = load_rules([("r.yaml", text)], {"raised": raised})
        bench = Bench(rules)
        said = [transition for level in steps for transition in bench.run(0.5, customer_raised_voice=level)]
        cards[raised] = next((each.evidence for each in said if each.kind == "fired"), None)
    (rule,) = rules
    assert limit_of(rule, "raised", 1, cards[0.5]) == pytest.approx(0.7)
    assert [raised for raised, card in cards.items() if card] == [0.5, 0.69]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"comparisons": None},
        {"comparisons": ["customer.raised_voice > raised"]},
        {"comparisons": [{"text": "customer.raised_voice > 0.6", "value": 0.9, "threshold": 0.6, "operator": ">"}]},
        {"comparisons": [{"text": "customer.raised_voice > raised", "value": None, "threshold": 0.6, "operator": ">"}]},
        {
            "comparisons": [
                {"text": "customer.raised_voice > raised", "value": "0.9", "threshold": 0.6, "operator": ">"}
            ]
        },
    ],
)
def test_evidence_that_is_missing_or_of_another_rule_tells_nothing(broken: dict[str, Any]) -> None:
    (rule,) = rule_set("customer.raised_voice > raised")
    assert limit_of(rule, "raised", 1, broken) is None


@pytest.mark.parametrize("curve", [None, {}, {"signals": {}}, {"signals": {"customer.raised_voice": [None] * 61}}])
def test_a_share_without_its_curve_tells_nothing(curve: object) -> None:
    expr = "share_above(customer.raised_voice, raised, 10s) > mostly"
    card = fired(rule_set(expr), seconds=9, customer_raised_voice=0.9)
    assert limit(expr, "raised", card) == pytest.approx(0.9)
    assert limit(expr, "raised", card | {"curve": curve}) is None


def test_a_share_over_more_than_the_curve_holds_tells_nothing() -> None:
    expr = "share_above(customer.raised_voice, raised, 40s) > mostly"
    assert limit(expr, "raised", fired(rule_set(expr), seconds=30, customer_raised_voice=0.9)) is None
