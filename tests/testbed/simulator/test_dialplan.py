"""The contexts to which our channels are sent do what Asterisk's do; anywhere else a channel is hung up."""

import uuid
from collections.abc import Callable

import pytest

from callguard.testbed.simulator.dialplan import JOIN, JOIN_VARIABLE, TAP, Dialplan
from callguard.testbed.simulator.exchange import UNKNOWN
from callguard.testbed.simulator.objects import Channel
from tests.testbed.simulator.harness import Bench
from tests.testbed.simulator.test_exchange import Ends

TAP_ID = "5a0b7b1e-2f53-4d0a-9f5e-0a1b2c3d4e5f"


class Desk:
    """A dialplan whose AudioSockets are noted."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.opened: list[tuple[uuid.UUID, int]] = []
        self.ends: list[Callable[[], None]] = []
        self.dialplan = Dialplan(self.bench.exchange, self._open)

    def _open(self, tap: uuid.UUID, port: int, ended: Callable[[], None]) -> Ends:
        self.opened.append((tap, port))
        self.ends.append(ended)
        return Ends()

    def channel(self, name: str) -> Channel:
        made = self.bench.exchange.create("Snoop/x-", channel=name, state="Up")
        self.bench.exchange.start_stasis(made, "app")
        return made

    def alive(self, channel: Channel) -> bool:
        return channel.id in self.bench.exchange.channels


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_tap_opens_its_audiosocket_and_ends_with_it(desk: Desk) -> None:
    tap = desk.channel(TAP_ID)
    desk.dialplan.run(tap, TAP, "u9092")
    assert desk.opened == [(uuid.UUID(TAP_ID), 9092)]
    assert (tap.app, tap.place.app_name) == (None, "AudioSocket")
    assert desk.alive(tap)
    desk.ends[0]()
    assert not desk.alive(tap)
    assert desk.bench.events[-1]["cause"] == UNKNOWN


@pytest.mark.parametrize(
    ("name", "context", "exten"),
    [
        ("no-uuid", TAP, "u9092"),
        (TAP_ID, TAP, "9092"),
        (TAP_ID, TAP, "u1"),
        (TAP_ID, "other", "s"),
        (TAP_ID, JOIN, "x"),
    ],
)
def test_where_there_is_nothing_to_do_a_channel_is_hung_up(desk: Desk, name: str, context: str, exten: str) -> None:
    channel = desk.channel(name)
    desk.dialplan.run(channel, context, exten)
    assert not desk.alive(channel)
    assert desk.opened == []


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_supervisor_joins_the_bridge_of_the_channel_that_is_named(desk: Desk, by: str) -> None:
    call = desk.bench.call()
    assert call.agent is not None
    boss = desk.channel("boss")
    boss.variables[JOIN_VARIABLE] = getattr(call.agent, by)
    desk.dialplan.run(boss, JOIN, "s")
    assert boss.bridge == call.agent.bridge
    assert boss.place.app_name == "BridgeAdd"


def test_a_supervisor_without_a_bridge_to_join_is_hung_up(desk: Desk) -> None:
    lonely = desk.channel("lonely")
    for wanted in ("", "nobody", "lonely"):
        boss = desk.channel(f"boss-{wanted}")
        boss.variables[JOIN_VARIABLE] = wanted
        desk.dialplan.run(boss, JOIN, "s")
        assert not desk.alive(boss)
    assert desk.alive(lonely)
