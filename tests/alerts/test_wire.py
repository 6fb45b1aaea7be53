"""An event tells all of an alert that others may know, and a rule's actions are told apart."""

from typing import Any

import pytest

from callguard.alerts.alert import Alert
from callguard.alerts.wire import is_receiver, prompts, retell, tell
from callguard.contracts.events import AlertAcknowledged, AlertPending


def alert(**facts: Any) -> Alert:
    return Alert(**({"id": "7", "call": "c1", "rule": "Loud", "leg": "agent", "severity": "critical"} | facts))


def test_every_fact_of_the_alert_is_told() -> None:
    facts: dict[str, Any] = {
        "basis": "acoustic", "labels": {"tier": "ring"}, "annotations": {"summary": "loud"}, "queue": "sales",
        "agent": "Mia", "shadow": True, "score": 0.7,
    }  # fmt: skip
    event = tell(AlertPending, alert(**facts))
    told = event.model_dump()
    assert told == facts | {"alert": "7", "call": "c1", "rule": "Loud", "leg": "agent", "severity": "critical"}


def test_what_a_kind_adds_is_told_too() -> None:
    event = tell(AlertAcknowledged, alert(), by="ann", after_s=3.0)
    assert (event.by, event.after_s) == ("ann", 3.0)


@pytest.mark.parametrize("action", ["webhook:chat", "email:lead", "queue_log", "user_event", "cel"])
def test_ways_out_are_told_from_other_actions(action: str) -> None:
    assert is_receiver(action)


@pytest.mark.parametrize("action", ["notify", "ring", "ring_whisper", "prompt:webhook", "offer_whisper", "celebrate"])
def test_what_stays_inside_is_no_way_out(action: str) -> None:
    assert not is_receiver(action)


def test_prompts_are_found_in_their_order() -> None:
    assert prompts(("prompt:slow-down", "ring", "prompt:lower-your-voice")) == ["slow-down", "lower-your-voice"]
    assert prompts(("ring",)) == []


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, ["pending"]),
        ({"state": "fired", "fired_at": 5.0}, ["fired"]),
        ({"state": "escalated", "fired_at": 5.0, "tier": 2}, ["fired", "escalated"]),
        ({"state": "acknowledged", "fired_at": 5.0, "owner": "ann"}, ["fired", "acknowledged"]),
    ],
)
def test_an_open_alert_is_told_again_as_far_as_it_got(facts: dict[str, Any], told: list[str]) -> None:
    assert [event.TYPE.split(".")[1] for event in retell(alert(**facts))] == told
