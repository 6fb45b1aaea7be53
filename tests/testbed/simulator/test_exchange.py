"""The lives of channels, bridges, snoops and playbacks, told in events as Asterisk tells them."""

from typing import Any

import numpy as np
import pytest

from callguard.testbed.simulator.exchange import NORMAL, UNKNOWN
from callguard.testbed.simulator.objects import Channel, Place, Playback, Snoop
from callguard.testbed.simulator.sound import tone
from tests.testbed.simulator.harness import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


def told(bench: Bench, kind: str) -> list[dict[str, Any]]:
    return [event for event in bench.events if event["type"] == kind]


def channel(bench: Bench, name: str = "ann") -> Channel:
    return bench.exchange.create(f"PJSIP/{name}-", channel=name, state="Up")


class Ends:
    """A network end that knows whether it was closed."""

    closed = False

    def send(self, pcm: np.ndarray) -> None: ...

    def receive(self) -> None: ...

    def close(self) -> None:
        self.closed = True


def test_channels_are_numbered_by_their_technology(bench: Bench) -> None:
    made = [bench.exchange.create(name) for name in ("PJSIP/ann-", "PJSIP/bob-", "Snoop/x-")]
    assert [each.name for each in made] == ["PJSIP/ann-00000000", "PJSIP/bob-00000001", "Snoop/x-00000000"]
    assert len({each.id for each in made}) == 3
    assert made[0].linkedid == made[0].id
    assert bench.kinds() == ["ChannelCreated"] * 3


def test_events_carry_time_and_asterisks_identity(bench: Bench) -> None:
    channel(bench)
    (event,) = bench.events
    assert event["timestamp"] == "2027-01-15T08:00:00.000+0000"
    assert event["asterisk_id"] == "00:00:5e:00:53:01"
    assert event["channel"]["id"] == "ann"


def test_a_hangup_ends_all_that_hangs_on_the_channel_and_happens_once(bench: Bench) -> None:
    exchange, ann, gone = bench.exchange, channel(bench), []
    media = ann.media = Ends()
    ann.on_gone.append(lambda: gone.append(1))
    exchange.start_stasis(ann, "app")
    exchange.enter(exchange.create_bridge(kind="stasis"), ann)
    ear = exchange.snoop(ann, Snoop("ann", "in", "none"), "ear")
    exchange.play(Playback("p", "sound:a", "ann", to_bridge=False, audio=tone(440, 1.0)))
    bench.events.clear()
    for _ in range(2):
        exchange.hang_up(ann)
    assert bench.kinds() == [
        "PlaybackFinished", "ChannelLeftBridge", "StasisEnd", "ChannelDestroyed", "ChannelDestroyed",
    ]  # fmt: skip
    assert [event["cause"] for event in told(bench, "ChannelDestroyed")] == [NORMAL, UNKNOWN]
    assert told(bench, "PlaybackFinished")[0]["playback"]["state"] == "cancelled"
    assert (exchange.channels, exchange.playbacks, media.closed, gone) == ({}, {}, True, [1])
    assert ear.id == "ear"


def test_a_dialplan_bridge_ends_with_its_last_but_one_channel_and_the_other_is_hung_up(bench: Bench) -> None:
    ann, bob = channel(bench), channel(bench, "bob")
    bridge = bench.exchange.create_bridge()
    for each in (ann, bob):
        bench.exchange.enter(bridge, each)
    bench.exchange.leave(ann)
    assert bench.exchange.bridges == {}
    bench.run(0.1)
    assert set(bench.exchange.channels) == {"ann"}


@pytest.mark.parametrize("kept", [True, False])
def test_who_has_something_else_to_do_is_not_hung_up(bench: Bench, kept: bool) -> None:
    ann, bob = channel(bench), channel(bench, "bob")
    bridge = bench.exchange.create_bridge()
    bridge.kept, bob.in_dialplan, ann.app = kept, not kept, "app"
    for each in (ann, bob):
        bench.exchange.enter(bridge, each)
    bench.exchange.leave(ann)
    bench.run(0.1)
    assert set(bench.exchange.channels) == {"ann", "bob"}
    assert (bridge.id in bench.exchange.bridges) is kept


def test_a_programs_bridge_stays_when_it_is_empty(bench: Bench) -> None:
    ann, room = channel(bench), bench.exchange.create_bridge(bridge="room", kind="stasis")
    bench.exchange.enter(room, ann)
    bench.exchange.leave(ann)
    assert (room.channels, ann.bridge) == ([], None)
    assert "room" in bench.exchange.bridges


def test_entering_a_bridge_leaves_the_one_before(bench: Bench) -> None:
    ann = channel(bench)
    one, two = (bench.exchange.create_bridge(kind="stasis") for _ in range(2))
    bench.exchange.enter(one, ann)
    bench.exchange.enter(two, ann, muted=True)
    assert (one.channels, two.channels, ann.bridge, ann.muted) == ([], ["ann"], two.id, True)


def test_hold_is_told_when_it_changes(bench: Bench) -> None:
    ann = channel(bench)
    for on in (True, True, False, False):
        bench.exchange.hold(ann, on=on)
    assert bench.kinds()[1:] == ["ChannelHold", "ChannelUnhold"]
    assert told(bench, "ChannelHold")[0]["musicclass"] == "default"


def test_keys_come_one_by_one_and_none_after_the_hangup(bench: Bench) -> None:
    ann = channel(bench)
    bench.exchange.press(ann, "*55")
    bench.run(0.25)
    bench.exchange.hang_up(ann)
    bench.run(0.5)
    assert [event["digit"] for event in told(bench, "ChannelDtmfReceived")] == ["*", "5"]


def test_playbacks_of_one_target_come_one_after_another(bench: Bench) -> None:
    channel(bench)
    for name in ("p1", "p2"):
        bench.exchange.play(Playback(name, "sound:a", "ann", to_bridge=False, audio=tone(440, 1.0)))
    one, two = bench.exchange.playing("ann")
    assert (one.state, two.state) == ("playing", "queued")
    bench.exchange.finish(one)
    assert (one.state, two.state) == ("done", "playing")
    bench.exchange.finish(two, "failed")
    assert [event["playback"]["state"] for event in told(bench, "PlaybackFinished")] == ["done", "failed"]


def test_stasis_begins_and_ends_once(bench: Bench) -> None:
    ann = channel(bench)
    bench.exchange.start_stasis(ann, "app", ["a", "b"])
    (start,) = told(bench, "StasisStart")
    assert (start["application"], start["args"]) == ("app", ["a", "b"])
    assert start["channel"]["dialplan"]["app_name"] == "Stasis"
    for _ in range(2):
        bench.exchange.end_stasis(ann)
    assert [event["application"] for event in told(bench, "StasisEnd")] == ["app"]


def test_moves_and_variables_are_told(bench: Bench) -> None:
    ann = channel(bench)
    bench.exchange.move(ann, Place("q", "300", 1, "Queue", "support,t"))
    bench.exchange.set_variable(ann, "CALLGUARD", "off")
    moved, variable = bench.events[1:]
    assert (moved["dialplan_app"], moved["dialplan_app_data"]) == ("Queue", "support,t")
    assert (variable["variable"], variable["value"], ann.variables) == ("CALLGUARD", "off", {"CALLGUARD": "off"})
