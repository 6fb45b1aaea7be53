"""A changed state leaves the worker with its words filled in; only what fired carries the whole evidence."""

import math

from callguard.contracts.messages import CallFacts
from callguard.rules.engine.states import Change
from callguard.rules.engine.transitions import begun, ended
from tests.rules.engine.test_program import inputs, program

FACTS = CallFacts("1.1", mode="emotion", queue="sales", language="en")
MORE = """, for: 1s, labels: {severity: critical, tier: ring}, actions: [ring_whisper], shadow: true,
  annotations: {summary: "{rule} in {queue}, {language}, {mode}: {customer.raised_voice:.0%}",
                runbook_url: "https://x/{rule}"}"""
RULE = program("customer.raised_voice > 0.5", MORE)
LOUD = {"customer.raised_voice": 0.75}


def test_what_fired_carries_evidence_score_and_texts() -> None:
    given = inputs(RULE, LOUD)
    told = begun(RULE, Change("fired", 0, 0), FACTS, 7.0, given, lambda ref: LOUD.get(str(ref), math.nan))
    assert (told.kind, told.call, told.rule, told.leg, told.at) == ("fired", "1.1", "R", "customer", 7.0)
    assert (told.severity, told.labels, told.actions) == (
        "critical", {"severity": "critical", "tier": "ring"}, ("ring_whisper",),
    )  # fmt: skip
    assert (told.shadow, told.private, told.reason) == (True, False, "")
    assert told.annotations == {"summary": "R in sales, en, emotion: 75%", "runbook_url": "https://x/R"}
    assert told.score == 0.75
    assert told.evidence["runbook"] == "https://x/R"
    assert told.evidence["comparisons"][0]["value"] == 0.75


def test_what_is_pending_says_what_it_rests_on_and_no_more() -> None:
    given = inputs(RULE, LOUD)
    told = begun(RULE, Change("pending", 0, 0), FACTS, 7.0, given, lambda ref: LOUD.get(str(ref), math.nan))
    assert told.evidence == {"basis": "raised_voice"}
    assert told.score == 0.0
    assert told.annotations["summary"] == "R in sales, en, emotion: 75%"


def test_a_rule_without_a_runbook_has_none() -> None:
    plain = program("customer.raised_voice > 0.5")
    told = begun(plain, Change("fired", 0, 0), FACTS, 7.0, inputs(plain, LOUD), lambda _: math.nan)
    assert told.evidence["runbook"] is None


def test_what_ended_says_why() -> None:
    told = ended(RULE.rule, Change("resolved", 0, 0), FACTS, 9.0, "call_ended")
    assert (told.kind, told.at, told.reason, told.annotations) == ("resolved", 9.0, "call_ended", {})
    assert told.evidence == {"basis": "raised_voice"}


def test_a_private_rule_stays_private() -> None:
    private = program("agent.speech > 0.5", ", private: true, actions: [prompt:slow-down]").rule
    assert ended(private, Change("cancelled", 0, 0), FACTS, 9.0, "calm").private
