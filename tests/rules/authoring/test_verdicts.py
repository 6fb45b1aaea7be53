"""Verdicts counted per rule from stored events: each alert once, whatever order and however often events come."""

from collections.abc import Iterable
from typing import Any

import pytest

from callguard.contracts.events import AlertAcknowledged, AlertEvent, AlertFired, AlertJudged, Envelope, envelope
from callguard.rules import RuleSet, load_rules
from callguard.rules.authoring.verdicts import Ledger, wilson

TEXT = """thresholds: {raised: 0.6}
groups:
  - name: g
    rules:
      - {alert: Raised, expr: customer.raised_voice > raised}
      - {alert: Trial, expr: customer.raised_voice > 0.3, shadow: true}
      - {alert: Louder, expr: agent.level_rise_db > 6, private: true, actions: ["prompt:lower-your-voice"]}
"""


def rules() -> RuleSet:
    return load_rules([("r.yaml", TEXT)])


def fired(number: int, rule: str = "Raised", value: float | None = 0.8, **facts: Any) -> AlertEvent:
    told = {"text": "customer.raised_voice > raised", "value": value, "operator": ">", "threshold": 0.6, "holds": True}
    evidence = {"comparisons": [told], "thresholds": {"raised": 0.6}}
    return alert(AlertFired, number, rule, **({"evidence": evidence} | facts))


def acknowledged(number: int, after_s: float, rule: str = "Raised") -> AlertEvent:
    return alert(AlertAcknowledged, number, rule, by="Ann", after_s=after_s)


def judged(number: int, verdict: str, rule: str = "Raised") -> AlertEvent:
    return alert(AlertJudged, number, rule, by="Ann", verdict=verdict)


def alert(kind: type[AlertEvent], number: int, rule: str, **facts: Any) -> AlertEvent:
    return kind(call=f"c{number}", alert=f"a{number}", rule=rule, leg="customer", agent="Alex", **facts)


def ledger(events: Iterable[AlertEvent]) -> Ledger:
    found = Ledger(rules())
    for event in events:
        tell(found, envelope(event, "n"))
    return found


def tell(found: Ledger, told: Envelope) -> None:
    found.see(told.type, told.to_json())


def test_nothing_fired() -> None:
    found = ledger([])
    assert found.names() == ["Raised", "Trial"], "a private rule publishes nothing"
    summary = found.summary("Raised")
    assert (summary.fired, summary.verdicts, summary.precision, summary.to_ear_s) == (0, 0, None, None)
    assert summary.in_force


def test_each_rule_is_counted() -> None:
    found = ledger(
        [
            *(fired(number) for number in range(6)),
            *(acknowledged(number, 2.0 + number) for number in range(3)),
            judged(0, "useful"),
            judged(1, "false"),
            judged(2, "early"),
            fired(9, "Gone"),
            judged(9, "useful", "Gone"),
        ]
    )
    summary = found.summary("Raised")
    assert (summary.fired, summary.acknowledged, summary.to_ear_s) == (6, 3, 3.0)
    assert (summary.useful, summary.early, summary.false, summary.without_verdict) == (2, 1, 1, 3)
    assert summary.precision == wilson(2, 3)
    assert found.names() == ["Raised", "Trial", "Gone"]
    assert not found.summary("Gone").in_force


def test_a_later_verdict_replaces_an_earlier_one_and_the_first_to_take_it_counts() -> None:
    found = ledger([fired(1), acknowledged(1, 3), acknowledged(1, 30), judged(1, "useful"), judged(1, "false")])
    summary = found.summary("Raised")
    assert (summary.useful, summary.false, summary.to_ear_s) == (0, 1, 3.0)


def test_an_event_that_comes_twice_counts_once() -> None:
    found = ledger([fired(1)])
    first, second = envelope(judged(1, "false"), "n"), envelope(judged(1, "useful"), "n")
    for told in (first, second, first):
        tell(found, told)
    tell(found, envelope(fired(1), "n"))
    assert (found.summary("Raised").fired, found.summary("Raised").useful) == (1, 1)


def test_what_became_of_alerts_from_before_is_left_out() -> None:
    found = ledger([judged(1, "useful"), acknowledged(1, 3)])
    assert found.cases == {}


def test_rules_on_trial_and_merged_alerts_are_told_apart() -> None:
    found = ledger([fired(1, "Trial", shadow=True), fired(2, "Trial"), fired(3, merged=True), fired(4)])
    assert (found.summary("Trial").fired, found.summary("Trial").on_trial) == (2, 1)
    assert (found.summary("Raised").fired, found.summary("Raised").merged) == (2, 1)
    assert found.summary("Raised").without_verdict == 2


def test_an_alert_keeps_no_name_of_anybody() -> None:
    found = ledger([fired(1), acknowledged(1, 3), judged(1, "useful")])
    told = repr(list(found.cases.values())) + repr(found.summary("Raised"))
    assert not [name for name in ("Alex", "Ann", "c1") if name in told]


def test_limits_come_from_evidence_that_fits_the_rule_as_it_is() -> None:
    found = ledger([fired(1), fired(2, value=None), fired(3, evidence={}), fired(4, "Gone")])
    assert [case.limits for case in found.cases.values()] == [{"raised": 0.8}, {}, {}, {}]


@pytest.mark.parametrize("text", ["", "7", "[]", '{"id": "1"}', '{"id": "1", "data": {}}', '{"data": {"alert": 7}}'])
def test_an_event_that_cannot_be_read_is_counted_and_skipped(text: str) -> None:
    found = ledger([])
    found.see("io.callguard.alert.fired.v1", text)
    found.see("io.callguard.call.started.v1", text)
    assert (found.unreadable, found.cases) == (1, {})


def test_a_field_that_a_later_version_adds_does_no_harm() -> None:
    found = ledger([])
    told = envelope(fired(1), "n")
    found.see(told.type, told.to_json().replace('"merged"', '"mood":"blue","merged"'))
    assert (found.unreadable, found.summary("Raised").fired) == (0, 1)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilson_s(hits: int, of: int, low: float, high: float) -> None:
    """Figures of Newcombe, Statistics in Medicine 17 (1998), and of the closed form for none and all."""
    found = wilson(hits, of)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)
