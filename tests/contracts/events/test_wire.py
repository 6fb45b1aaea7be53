"""Every event has one wire name, and an envelope says once and for all which event it is."""

import json
import re
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from callguard.contracts import events
from callguard.contracts.events import (
    EVENTS,
    PREFIX,
    AlertEscalated,
    AlertFired,
    AlertResolved,
    Envelope,
    Event,
    NodeStopped,
    PromptPlayed,
    envelope,
    published,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def concrete(kind: type[Event]) -> list[type[Event]]:
    below = [each for child in kind.__subclasses__() for each in concrete(child)]
    return below or [kind]


def test_every_event_class_is_listed_by_its_wire_name() -> None:
    ours = [kind for kind in concrete(Event) if kind.__module__.startswith(events.__name__)]
    assert {kind.__name__ for kind in ours} <= set(events.__all__), "all parts import events from one place"
    assert sorted(EVENTS) == sorted(PREFIX + kind.TYPE for kind in ours)
    assert all(EVENTS[PREFIX + kind.TYPE] is kind for kind in ours)


@pytest.mark.parametrize("name", EVENTS)
def test_wire_names_are_noun_verb_version(name: str) -> None:
    assert re.fullmatch(r"io\.callguard\.[a-z]+\.[a-z_]+\.v1", name)


def test_an_envelope_is_a_cloudevent() -> None:
    sent = envelope(PromptPlayed(call="1.1", prompt="slow-down", basis="acoustic"), "n1", AT)
    assert json.loads(sent.to_json()) == {
        "specversion": "1.0",
        "id": sent.id,
        "source": "/callguard/n1",
        "type": "io.callguard.prompt.played.v1",
        "time": "2026-01-02T03:04:05Z",
        "subject": "1.1",
        "datacontenttype": "application/json",
        "data": {
            "call": "1.1",
            "basis": "acoustic",
            "sender": None,
            "door": None,
            "right": None,
            "prompt": "slow-down",
            "command": None,
        },
    }


def test_what_is_about_no_call_names_none() -> None:
    sent = envelope(NodeStopped(node="n1"), "n1")
    assert sent.subject is None
    assert "subject" not in json.loads(sent.to_json())


def test_every_event_has_an_identifier_and_a_time_of_its_own() -> None:
    before = datetime.now(UTC)
    one, two = (envelope(PromptPlayed(call="1", prompt="x"), "n1") for _ in range(2))
    assert one.id != two.id
    assert before <= one.time <= two.time <= datetime.now(UTC)
    assert Envelope.model_validate_json(one.to_json()) == one


def test_an_envelope_takes_no_unknown_attribute() -> None:
    with pytest.raises(ValidationError):
        Envelope.model_validate(envelope(PromptPlayed(call="1", prompt="x"), "n1").model_dump() | {"extra": 1})


def test_what_happens_once_to_an_alert_has_one_identifier_whoever_tells_of_it() -> None:
    alert = {"call": "1", "alert": "a1", "rule": "r", "leg": "customer"}
    fired = AlertFired.model_validate({**alert, "evidence": {}})
    again = envelope(fired, "n1").id
    assert published(fired, "n1").id == again
    assert published(AlertFired.model_validate({**alert, "alert": "a2", "evidence": {}}), "n1").id != again
    ended = AlertResolved.model_validate({**alert, "reason": "calm", "lasted_s": 1})
    assert published(ended, "n1").id != again
    raised = AlertEscalated.model_validate({**alert, "tier": 2})
    assert published(raised, "n1").id != published(raised, "n1").id, "an alert may be escalated twice"
