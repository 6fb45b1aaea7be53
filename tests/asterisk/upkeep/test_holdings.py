"""What exists, bears our name and is not held must go; nothing else may."""

import pytest

from callguard.asterisk.events import AriEvent, Bridge, Channel, ChannelCreated, ChannelStateChange, StasisStart
from callguard.asterisk.upkeep.holdings import Holdings, Orphan, Seated, is_party, members_elsewhere, orphan

IN_STASIS = {"app": "Stasis", "app_data": "callguard"}
CHANNELS = (
    Channel("1.1", "PJSIP/customer-1", app="Dial"),
    Channel("1.2", "PJSIP/agent-1", app="AppDial"),
    Channel("callguard.supervisor.s1", "PJSIP/boss-1", **IN_STASIS),
    Channel("callguard.ear.whisper.e1", "Snoop/1.2-1", **IN_STASIS),
    Channel("callguard.supervisor.s2", "PJSIP/boss-2", app="BridgeAdd"),
    Channel("callguard.supervisor.s3", "PJSIP/boss-3", state="Ringing", app="AppDial2"),
    Channel("callguard.media.t1", "UnicastRTP/1", **IN_STASIS),
    Channel("callguard.voice.v1", "Snoop/1.2-2", **IN_STASIS),
    Channel("callguard.mark.m1", "Local/s@callguard-cel-1;1"),
    Channel("t1", "Snoop/1.1-1", **IN_STASIS),
    Channel("t2", "Snoop/1.1-2", **IN_STASIS),
    Channel("t3", "Snoop/1.1-3", app="AudioSocket"),
    Channel("t4", "Snoop/1.1-4", app="Stasis", app_data="callguard-2"),
    Channel("callguard-2.supervisor.s9", "PJSIP/boss-9", app="Stasis", app_data="callguard-2"),
)
BRIDGES = (
    Bridge("call", ("1.1", "1.2", "callguard.supervisor.s2")),
    Bridge("callguard.room.s1", ("callguard.supervisor.s1", "callguard.ear.whisper.e1"), 1800.5),
    Bridge("callguard.mixer.t1", ("t1", "callguard.media.t1")),
    Bridge("callguard-2.room.s9", ("callguard-2.supervisor.s9",)),
)
ALL_OURS = {
    "callguard.ear.whisper.e1",
    "callguard.supervisor.s1",
    "callguard.supervisor.s3",
    "callguard.media.t1",
    "callguard.voice.v1",
    "callguard.mark.m1",
    "t1",
    "t2",
    "callguard.room.s1",
    "callguard.mixer.t1",
}


def test_what_nobody_stands_for_goes_but_calls_other_nodes_and_takeovers_stay() -> None:
    assert set(Holdings("callguard").surplus(CHANNELS, BRIDGES)) == ALL_OURS


def test_who_overhears_goes_first_and_bridges_last() -> None:
    found = Holdings("callguard").surplus(CHANNELS, BRIDGES)
    assert found[0] == "callguard.ear.whisper.e1"
    assert set(found[-2:]) == {"callguard.room.s1", "callguard.mixer.t1"}


def test_what_somebody_stands_for_stays_until_let_go() -> None:
    holdings = Holdings("callguard")
    holdings.hold(*ALL_OURS)
    assert holdings.surplus(CHANNELS, BRIDGES) == []
    holdings.let_go("t2", "callguard.room.s1", "never held")
    assert holdings.surplus(CHANNELS, BRIDGES) == ["t2", "callguard.room.s1"]


@pytest.mark.parametrize(
    ("facts", "bridged", "party"),
    [
        (IN_STASIS, False, False),
        (IN_STASIS, True, True),
        ({"app": "BridgeAdd"}, False, True),
        ({"app": ""}, False, True),
        ({"app": "AppDial2", "state": "Ringing"}, False, False),
        ({"app": "", "state": "Down"}, False, False),
    ],
    ids=["in a room of ours", "in the call", "on the way to it", "not known", "rings", "about to ring"],
)
def test_a_supervisor_who_may_be_a_party_is_never_hung_up(facts: dict[str, str], bridged: bool, party: bool) -> None:
    channel = Channel("callguard.supervisor.s", "PJSIP/boss-1", **facts)
    elsewhere = members_elsewhere("callguard", [Bridge("call", (channel.id,))] if bridged else [])
    assert is_party("callguard", channel, elsewhere) is party
    assert not is_party("callguard", Channel("callguard.ear.listen.e", "Snoop/1", app="BridgeAdd"), set())


def test_a_second_half_is_held_with_the_first() -> None:
    holdings = Holdings("callguard")
    holdings.hold("callguard.supervisor.s")
    assert "callguard.supervisor.s;2" in holdings
    assert "callguard.supervisor.t;2" not in holdings


@pytest.mark.parametrize(
    ("event", "stray"),
    [
        (ChannelCreated(0.0, Channel("callguard.supervisor.s", "PJSIP/boss-1")), True),
        (ChannelCreated(0.0, Channel("callguard.supervisor.s;2", "Local/boss@x-1;2")), True),
        (ChannelCreated(0.0, Channel("callguard.voice.v", "Snoop/1.2-1")), True),
        (StasisStart(0.0, Channel("t1", "Snoop/1.1-1", **IN_STASIS)), True),
        (ChannelCreated(0.0, Channel("t1", "Snoop/1.1-1")), False),
        (ChannelCreated(0.0, Channel("callguard.mark.m", "Local/s@callguard-cel-1;1")), False),
        (ChannelCreated(0.0, Channel("callguard-2.supervisor.s", "PJSIP/boss-1")), False),
        (ChannelCreated(0.0, Channel("1.1", "PJSIP/customer-1")), False),
        (StasisStart(0.0, Channel("1.1", "PJSIP/customer-1", **IN_STASIS)), False),
        (ChannelStateChange(0.0, Channel("callguard.supervisor.s", "PJSIP/boss-1")), False),
    ],
)
def test_what_comes_while_nobody_stands_for_it_is_stray(event: AriEvent, stray: bool) -> None:
    holdings = Holdings("callguard")
    assert holdings.stray(event) == (event.subject if stray else None)
    holdings.hold(event.subject.removesuffix(";2"))
    assert holdings.stray(event) is None


@pytest.mark.parametrize(
    ("members", "found"),
    [
        (None, Orphan("s1", "1795.1", "Mia Moss", "callguard.supervisor.s1")),
        (
            ("callguard.supervisor.s1",),
            Seated("s1", "1795.1", "Mia Moss", "callguard.supervisor.s1", None, 7.0),
        ),
        (
            ("callguard.supervisor.s1", "callguard.ear.barge.e1"),
            Seated("s1", "1795.1", "Mia Moss", "callguard.supervisor.s1", "barge", 7.0),
        ),
        (
            ("callguard.supervisor.s1", "callguard.ear.e1"),
            Seated("s1", "1795.1", "Mia Moss", "callguard.supervisor.s1", None, 7.0),
        ),
        (
            ("callguard.supervisor.s1", "other.ear.barge.e1"),
            Seated("s1", "1795.1", "Mia Moss", "callguard.supervisor.s1", None, 7.0),
        ),
    ],
    ids=["rung or briefed", "no ear", "barge", "ear of an older version", "somebody else's ear"],
)
def test_what_is_not_known_of_an_orphan_is_not_made_up(members: tuple[str, ...] | None, found: Orphan) -> None:
    bridges = () if members is None else (Bridge("callguard.room.s1", members, 7.0),)
    assert orphan("callguard", "callguard.supervisor.s1", "1795.1 Mia Moss", bridges) == found
    assert orphan("callguard", "callguard.supervisor.s1", "1795.1", bridges) is None
