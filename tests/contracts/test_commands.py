"""A command is understood, or its sender is told what is wrong."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callguard.contracts.commands import (
    ACTIONS,
    MAX_BYTES,
    MOST_READ_BYTES,
    Command,
    MalformedCommandError,
    parse_command,
)
from callguard.contracts.events import CommandFailed, envelope

VALID: dict[str, dict[str, Any]] = {
    "listen": {"call": "1", "supervisor": "Ann"},
    "whisper": {"call": "1", "supervisor": "PJSIP/ann", "args": {"alert": "a1"}},
    "barge": {"call": "1", "supervisor": "Ann"},
    "takeover": {"call": "1", "supervisor": "Ann"},
    "set_mode": {"call": "1", "args": {"mode": "barge"}},
    "stop": {"call": "1"},
    "prompt": {"call": "1", "args": {"prompt": "slow_down"}},
    "ack": {"supervisor": "Ann", "args": {"alert": "a1"}},
    "judge": {"supervisor": "Ann", "args": {"alert": "a1", "verdict": "early"}},
    "silence": {"supervisor": "Ann", "args": {"rule": "TalkOver", "duration_s": 600, "why": "training day"}},
    "opt_out": {"call": "1"},
}


def text(action: str, **changes: Any) -> str:
    return json.dumps({"id": "c1", "action": action} | VALID.get(action, {}) | changes)


def test_there_is_a_valid_example_of_every_action() -> None:
    assert set(VALID) == set(ACTIONS)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_understood(action: str) -> None:
    command = parse_command(text(action))

    assert command.action == action
    assert command.args.items() >= VALID[action].get("args", {}).items()


def test_arguments_come_with_their_defaults() -> None:
    assert parse_command(text("silence", args={"why": "test"})).args["duration_s"] == 3600.0


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "found list, expected a JSON object"),
        ('"listen"', "found str"),
        ("1" * 5000, "not JSON"),
        ("[" * 60_000, "not JSON"),
        ("x" * (MAX_BYTES + 1), f"oversized: {MAX_BYTES + 1} bytes, allowed {MAX_BYTES}"),
        (text("shout"), "'listen', 'whisper'"),
        (text("listen", supervisor=None), "listen needs 'supervisor'"),
        (text("listen", call=""), "call: String should have at least 1 character"),
        (text("listen", call=7), "call: Input should be a valid string"),
        (text("listen", mode="barge"), "allowed: id, action, call, supervisor, args"),
        (text("set_mode", args={}), "mode: Field required"),
        (text("set_mode", args={"mode": "shout"}), "mode: Input should be 'listen'"),
        (text("prompt", args=[]), "valid dictionary"),
        (text("silence", args={"duration_s": -1, "why": "x"}), "greater than 0"),
        (text("silence", args={"duration_s": float("nan"), "why": "x"}), "duration_s"),
        ('{"action":"stop","call":"1"}', "id: Field required"),
    ],
)
def test_what_is_wrong_is_said(broken: str, says: str) -> None:
    with pytest.raises(MalformedCommandError) as caught:
        parse_command(broken)

    assert says in caught.value.reason
    assert "\n" not in caught.value.reason


def test_a_malformed_command_keeps_its_identifier_so_that_it_can_be_answered() -> None:
    with pytest.raises(MalformedCommandError) as caught:
        parse_command(text("shout"))

    assert (caught.value.command, caught.value.action) == ("c1", "shout")


def test_a_command_that_is_too_long_keeps_its_identifier_up_to_a_size() -> None:
    for length, command in ((MAX_BYTES, "c1"), (MOST_READ_BYTES, None)):
        with pytest.raises(MalformedCommandError, match="oversized") as caught:
            parse_command(text("listen", supervisor="x" * length))
        assert caught.value.command == command


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
near_commands = st.dictionaries(
    st.sampled_from(["id", "action", "call", "supervisor", "args", "extra"]) | st.text(),
    json_values | st.sampled_from([*ACTIONS, "\ud800"]) | st.fixed_dictionaries({"mode": json_values}),
)


@settings(deadline=None)  # the first call builds the models' validators
@given(st.text() | st.one_of(json_values, near_commands).map(json.dumps))
def test_any_text_gives_a_command_or_an_answer_that_fits_the_wire(text: str) -> None:
    try:
        command = parse_command(text)
    except MalformedCommandError as error:
        failed = CommandFailed(command=error.command, action=error.action, reason=error.reason)
        assert envelope(failed, "n1").to_json()
    else:
        assert parse_command(command.model_dump_json()) == command


@given(st.sampled_from(list(VALID)), st.data())
def test_a_valid_command_survives_the_wire(action: str, data: st.DataObject) -> None:
    name = data.draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256))
    command = Command.model_validate(json.loads(text(action, call=name)))

    assert parse_command(command.model_dump_json()) == command
