"""The AsyncAPI document tells the truth about everything in Redis."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from callguard.bus.asyncapi import PAGE, document, main, text
from callguard.contracts.cards import CardAlert, CardStep, HandoffCard
from callguard.contracts.commands import ACTIONS, MalformedCommandError, parse_command
from callguard.contracts.events import EVENTS, Event, envelope
from tests.contracts.test_commands import VALID
from tests.support.asyncapi import problems, validator
from tests.support.events import alert_fired

DOCUMENT = document()


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == text(), "run `python -m callguard.bus.asyncapi`"
    assert main(["--check"]) == 0


def test_every_event_and_every_action_is_described() -> None:
    channels = DOCUMENT["channels"]
    assert set(channels["events"]["messages"]) == {kind.__name__ for kind in EVENTS.values()}
    assert set(channels["commands"]["messages"]) == {f"command.{action}" for action in ACTIONS}


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [item for key, inner in value.items() for item in ([inner] if key == "$ref" else references(inner))]
        return [item for inner in value for item in references(inner)] if isinstance(value, list) else []

    found = references(DOCUMENT)
    assert len(found) > 50
    for reference in found:
        place: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_every_payload_is_a_valid_schema(name: str) -> None:
    Draft202012Validator.check_schema(DOCUMENT["components"]["messages"][name]["payload"])


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_schema_is_valid_and_every_field_described(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    Draft202012Validator.check_schema(schema)
    assert [field for field, facts in schema.get("properties", {}).items() if not facts.get("description")] == []


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    words | numbers | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(words, inner)
)
cards = st.builds(
    HandoffCard,
    wait_s=numbers,
    elapsed_s=numbers,
    rose=st.lists(st.builds(CardAlert, at_s=numbers), max_size=2).map(tuple),
    tried=st.lists(st.builds(CardStep, at_s=numbers), max_size=2).map(tuple),
)
SPECIAL: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, words),
    (str | None, st.none() | words),
    (float, numbers),
    (float | None, st.none() | numbers),
    (datetime, st.just(datetime.now(UTC))),
    (HandoffCard | None, st.none() | cards),
    (dict[str, str], st.dictionaries(words, words)),
    (dict[str, Any], st.dictionaries(words, json_values)),
]


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values that JSON can hold."""
    return next((strategy for kind, strategy in SPECIAL if kind == annotation), st.from_type(annotation))


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.TYPE)
@given(st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_event_that_can_be_made_fits(kind: type[Event], data: st.DataObject) -> None:
    fields = {name: values(field.annotation) for name, field in kind.model_fields.items()}
    event = kind.model_validate(data.draw(st.fixed_dictionaries(fields)))

    assert problems(json.loads(envelope(event, "n1").to_json())) == []


def test_a_wrong_event_does_not_fit() -> None:
    good = json.loads(envelope(alert_fired(), "n1").to_json())
    assert problems(good) == []
    assert problems(good | {"id": None})
    assert problems({key: value for key, value in good.items() if key != "source"})
    assert problems(good | {"data": good["data"] | {"leg": "nobody"}})
    assert problems(good | {"data": good["data"] | {"surprise": 1}})


@pytest.mark.parametrize("action", ACTIONS)
def test_what_the_document_says_of_commands_is_what_is_accepted(action: str) -> None:
    """Every field taken away in turn: document and parser agree on whether that is still a command."""
    whole: dict[str, Any] = {"id": "c1", "action": action} | VALID[action]
    check = validator(f"command.{action}")
    for missing in (None, *whole):
        command = {key: value for key, value in whole.items() if key != missing}
        try:
            parse_command(json.dumps(command))
            accepted = True
        except MalformedCommandError:
            accepted = False
        assert check.is_valid(command) == accepted, missing
    assert not check.is_valid(whole | {"surprise": 1})
