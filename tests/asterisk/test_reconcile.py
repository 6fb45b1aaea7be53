"""A later run removes what an earlier one left, and nothing else."""

import pytest

from callguard.asterisk.events import AriEvent, Bridge, Channel, ChannelCreated, ChannelStateChange, StasisStart
from callguard.asterisk.reconcile import SESSION_VARIABLE, Orphan, Seated, expected, sweep
from tests.asterisk.harness.stasis import stasis

IN_STASIS = {"app": "Stasis", "app_data": "callguard"}
CHANNELS = (
    Channel("1.1", "PJSIP/customer-1", app="Dial"),
    Channel("1.2", "PJSIP/agent-1", app="AppDial"),
    Channel("callguard.supervisor.s1", "PJSIP/boss-1", **IN_STASIS),
    Channel("callguard.ear.whisper.e1", "Snoop/1.2-1", **IN_STASIS),
    Channel("callguard.supervisor.s2", "PJSIP/boss-2", app="BridgeAdd"),
    Channel("callguard.media.t1", "UnicastRTP/1", **IN_STASIS),
    Channel("t1", "Snoop/1.1-1", **IN_STASIS),
    Channel("t2", "Snoop/1.1-2", **IN_STASIS),
    Channel("t3", "Snoop/1.1-3", app="AudioSocket", context="callguard-tap"),
    Channel("t4", "Snoop/1.1-4", app="Stasis", app_data="callguard-2"),
    Channel("callguard-2.supervisor.s9", "PJSIP/boss-9", app="Stasis", app_data="callguard-2"),
)
BRIDGES = (
    Bridge("call", ("1.1", "1.2", "callguard.supervisor.s2")),
    Bridge("callguard.room.s1", ("callguard.supervisor.s1", "callguard.ear.whisper.e1"), 1800.5),
    Bridge("callguard.mixer.t1", ("t1", "callguard.media.t1")),
    Bridge("callguard-2.room.s9", ("callguard-2.supervisor.s9",)),
)


async def test_remains_go_and_calls_other_nodes_and_takeovers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    async with stasis() as (fake, ari, _):
        fake.answer("GET", "/channels/callguard.supervisor.s1/variable", {"value": "1795.1 Mia Moss"})
        remains = await sweep(ari, CHANNELS, BRIDGES)
        removed = {call.rpartition("/")[2] for call in fake.calls() if call.startswith("DELETE")}
    assert removed == {
        "callguard.supervisor.s1",
        "callguard.ear.whisper.e1",
        "callguard.media.t1",
        "t1",
        "t2",
        "callguard.room.s1",
        "callguard.mixer.t1",
    }
    assert remains.released == (Seated("s1", "1795.1", "Mia Moss", "whisper", 1800.5),)
    assert remains.took_over == ("callguard.supervisor.s2",)
    assert {query.get("variable") for _, _, query in fake.requests} == {SESSION_VARIABLE, None}


@pytest.mark.parametrize(
    ("room", "found"),
    [
        ((), Orphan("s1", "1795.1", "Mia")),
        (("callguard.supervisor.s1",), Seated("s1", "1795.1", "Mia", None, 7.0)),
        (("callguard.supervisor.s1", "callguard.ear.barge.e1"), Seated("s1", "1795.1", "Mia", "barge", 7.0)),
        (("callguard.supervisor.s1", "callguard.ear.e1"), Seated("s1", "1795.1", "Mia", None, 7.0)),
        (("callguard.supervisor.s1", "other.ear.barge.e1"), Seated("s1", "1795.1", "Mia", None, 7.0)),
    ],
    ids=["rung or briefed", "no ear", "barge", "ear of an older version", "somebody else's ear"],
)
async def test_what_is_not_known_of_a_session_is_not_made_up(
    room: tuple[str, ...], found: Orphan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    async with stasis() as (fake, ari, _):
        fake.answer("GET", "/channels/callguard.supervisor.s1/variable", {"value": "1795.1 Mia"})
        channels = (Channel("callguard.supervisor.s1", "PJSIP/boss-1", **IN_STASIS),)
        bridges = (Bridge("callguard.room.s1", room, 7.0),) if room else ()
        assert (await sweep(ari, channels, bridges)).released == (found,)


@pytest.mark.parametrize(
    ("event", "awaited"),
    [
        (ChannelCreated(0.0, Channel("callguard.supervisor.s", "PJSIP/boss-1")), "callguard.supervisor.s"),
        (ChannelCreated(0.0, Channel("callguard.supervisor.s;2", "Local/boss@x-1;2")), "callguard.supervisor.s"),
        (ChannelCreated(0.0, Channel("callguard.voice.v", "Snoop/1.2-1")), "callguard.voice.v"),
        (StasisStart(0.0, Channel("t1", "Snoop/1.1-1", **IN_STASIS)), "t1"),
        (ChannelCreated(0.0, Channel("t1", "Snoop/1.1-1")), None),
        (ChannelCreated(0.0, Channel("callguard.mark.m", "Local/s@callguard-cel-1;1")), None),
        (ChannelCreated(0.0, Channel("callguard-2.supervisor.s", "PJSIP/boss-1")), None),
        (ChannelCreated(0.0, Channel("1.1", "PJSIP/customer-1")), None),
        (StasisStart(0.0, Channel("1.1", "PJSIP/customer-1", **IN_STASIS)), None),
        (ChannelStateChange(0.0, Channel("callguard.supervisor.s", "PJSIP/boss-1")), None),
    ],
)
def test_the_coming_of_what_we_make_is_awaited_and_of_nothing_else(event: AriEvent, awaited: str | None) -> None:
    assert expected("callguard", event) == awaited
