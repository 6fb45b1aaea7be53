"""ARI events are typed at the edge; what can't be read is counted and never raises."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.asterisk import events
from callguard.asterisk.events import PARSERS, Bridge, Channel, EventReader, bridge_from

CHANNEL: dict[str, Any] = {
    "id": "1795.1",
    "name": "PJSIP/agent1-00000001",
    "state": "Up",
    "caller": {"name": "A", "number": "201"},
    "dialplan": {"context": "phones", "exten": "500", "app_name": "Queue", "app_data": "support,tT"},
}
TYPED = Channel("1795.1", "PJSIP/agent1-00000001", "Up", "201", "phones", "500", "Queue", "support,tT")
STAMP = "2026-11-22T05:21:07.623+0000"
AT = 1795324867.623


def read(reader: EventReader, **data: Any) -> events.AriEvent | None:
    return reader.read(json.dumps({"timestamp": STAMP, **data}, separators=(",", ":")).encode())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"type": "ChannelCreated", "channel": CHANNEL}, events.ChannelCreated(AT, TYPED)),
        ({"type": "ChannelDestroyed", "channel": CHANNEL, "cause": 17}, events.ChannelDestroyed(AT, TYPED, 17)),
        (
            {"type": "ChannelEnteredBridge", "channel": CHANNEL, "bridge": {"id": "b", "channels": ["1795.1"]}},
            events.ChannelEnteredBridge(AT, TYPED, Bridge("b", ("1795.1",))),
        ),
        (
            {"type": "ChannelVarset", "channel": CHANNEL, "variable": "_CallGuard_Role", "value": "agent"},
            events.ChannelVarset(AT, TYPED, "CALLGUARD_ROLE", "agent"),
        ),
        (
            {"type": "ChannelVarset", "channel": CHANNEL, "variable": "__CALLGUARD", "value": "off"},
            events.ChannelVarset(AT, TYPED, "CALLGUARD", "off"),
        ),
        (
            {"type": "ChannelUserevent", "channel": CHANNEL, "eventname": "CallGuardHelp", "userevent": {"A": "b"}},
            events.ChannelUserevent(AT, TYPED, "CallGuardHelp", {"a": "b"}),
        ),
        ({"type": "ChannelDtmfReceived", "channel": CHANNEL, "digit": "5"}, events.ChannelDtmfReceived(AT, TYPED, "5")),
        ({"type": "BridgeBlindTransfer", "channel": CHANNEL, "result": "Success"}, events.BridgeTransfer(AT, TYPED)),
        (
            {"type": "BridgeAttendedTransfer", "transferer_first_leg": CHANNEL, "result": "Success"},
            events.BridgeTransfer(AT, TYPED),
        ),
        (
            {"type": "PlaybackFinished", "playback": {"id": "p", "state": "done"}},
            events.PlaybackFinished(AT, "p", "done"),
        ),
        ({"type": "ApplicationReplaced", "application": "callguard"}, events.ApplicationReplaced(AT, "callguard")),
    ],
)
def test_every_used_field_is_read(data: dict[str, Any], expected: events.AriEvent) -> None:
    reader = EventReader(time.time)
    event = read(reader, **data)
    assert event == expected
    assert type(event) is type(expected)
    assert not reader.dropped


@pytest.mark.parametrize(
    "data",
    [
        {"type": "ChannelVarset", "channel": CHANNEL, "variable": "RTPAUDIOQOS", "value": "CALLGUARD"},
        {"type": "ChannelVarset", "channel": CHANNEL, "variable": "OTHER", "value": "1"},
        {"type": "ChannelVarset", "variable": "CALLGUARD", "value": "off"},
        {"type": "BridgeBlindTransfer", "channel": CHANNEL, "result": "Fail"},
        {"type": "ChannelUserevent", "eventname": "CallGuardHelp"},
    ],
)
def test_events_of_no_use_are_passed_over_without_being_counted(data: dict[str, Any]) -> None:
    reader = EventReader(time.time)
    assert read(reader, **data) is None
    assert not reader.dropped


def test_a_callers_name_cant_make_an_event_look_like_a_variable() -> None:
    named = CHANNEL | {"caller": {"name": '"type":"ChannelVarset"', "number": "1"}}
    assert read(EventReader(time.time), type="ChannelCreated", channel=named) is not None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"\xff\xfe\x00", "malformed"),
        (b"[1]", "malformed"),
        (b"{}", "malformed"),
        (b'{"type":"ChannelCreated"}', "malformed"),
        (b'{"type":"ChannelCreated","channel":{"id":1,"name":"x"}}', "malformed"),
        (b'{"type":"ChannelCreated","timestamp":"yesterday","channel":{"id":"1","name":"x"}}', "malformed"),
        (
            b'{"type":"ChannelLeftBridge","channel":{"id":"1","name":"x"},"bridge":{"id":"b","channels":[1]}}',
            "malformed",
        ),
        (b"[" * 100_000, "malformed"),
        (b'{"type":"TextMessageReceived"}', "unknown"),
    ],
)
def test_bad_messages_are_counted_drops(message: bytes, reason: str) -> None:
    reader = EventReader(time.time)
    assert reader.read(message) is None
    assert reader.dropped == {reason: 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)
FIELDS = st.sampled_from(
    ["channel", "bridge", "playback", "cause", "digit", "variable", "eventname", "timestamp", "id"]
)


@given(st.binary(max_size=200))
def test_no_bytes_raise(message: bytes) -> None:
    EventReader(time.time).read(message)


@given(st.sampled_from(sorted(PARSERS)), st.dictionaries(FIELDS, JSON | st.just(CHANNEL), max_size=6))
def test_no_shape_of_a_known_event_raises(kind: str, fields: dict[str, Any]) -> None:
    reader = EventReader(time.time)
    event = reader.read(json.dumps(fields | {"type": kind}).encode())
    assert event is None or event.subject is not None


@pytest.mark.parametrize(
    ("stamp", "created"),
    [("2026-11-22T04:40:49.500+0000", 1795322449.5), ("soon", None), ("", None), (7, None), (None, None)],
)
def test_when_a_bridge_was_made_if_it_is_told(stamp: object, created: float | None) -> None:
    assert bridge_from({"id": "b", "channels": ["1"], "creationtime": stamp}) == Bridge("b", ("1",), created)
