"""Discovery, told by a test what a PBX would tell it."""

from itertools import count
from typing import Any

from callguard.asterisk import events
from callguard.asterisk.discovery.calls import Call, Inspect, Inspected, Output, QueueConnected, Started
from callguard.asterisk.discovery.machine import Discovery
from callguard.asterisk.events import Bridge, Channel
from callguard.config import Analysis, Roles


class Pbx:
    """Tells Discovery what a PBX would; answers Inspect at once unless told otherwise."""

    def __init__(self, roles: Roles | None = None, analysis: Analysis | None = None) -> None:
        self.names: dict[str, str] = {}
        roles, analysis = roles or Roles(dial_caller="customer"), analysis or Analysis()
        self.discovery = Discovery("callguard", roles, analysis, lambda endpoint: self.names.get(endpoint, endpoint))
        self.variables: dict[str, tuple[str, str]] = {}
        self.linked: dict[str, str] = {}
        self.said: list[Output] = []
        self.clock = count(1000)
        self.answering = True

    def tell(self, event: object) -> list[Output]:
        outputs = self.discovery.see(event)
        for output in list(outputs):
            if isinstance(output, Inspect) and self.answering:
                outputs += self.answer(output.channel)
        self.said += outputs
        return [output for output in outputs if not isinstance(output, Inspect)]

    def answer(self, channel: str) -> list[Output]:
        role, setting = self.variables.get(channel, ("", ""))
        linked = self.linked.get(channel, "linked")
        return self.discovery.see(Inspected(next(self.clock), channel, linked, role, setting))

    def enter(self, channel: Channel, bridge: str = "b1") -> list[Output]:
        return self.tell(events.ChannelEnteredBridge(next(self.clock), channel, Bridge(bridge)))

    def leave(self, channel: Channel, bridge: str = "b1") -> list[Output]:
        return self.tell(events.ChannelLeftBridge(next(self.clock), channel, Bridge(bridge)))

    def move(self, channel: Channel, source: str, target: str) -> list[Output]:
        return self.leave(channel, source) + self.enter(channel, target)

    def create(self, channel: Channel) -> list[Output]:
        return self.tell(events.ChannelCreated(next(self.clock), channel))

    def transfer(self, channel: Channel) -> list[Output]:
        return self.tell(events.BridgeTransfer(next(self.clock), channel))

    def connected(self, caller: str, queue: str, member: str, interface: str, to: str = "") -> list[Output]:
        return self.tell(QueueConnected(next(self.clock), caller, queue, member, interface, 3.0, to))

    @property
    def call(self) -> Call:
        """The only call."""
        (call,) = self.discovery.calls.values()
        return call

    def destroy(self, channel: Channel) -> list[Output]:
        return self.tell(events.ChannelDestroyed(next(self.clock), channel))

    def set(self, channel: Channel, name: str, value: str) -> list[Output]:
        return self.tell(events.ChannelVarset(next(self.clock), channel, name, value))

    def talk(self, customer: Channel, agent: Channel) -> Started:
        self.enter(agent)
        (started,) = self.enter(customer)
        assert isinstance(started, Started)
        return started


def channel(name: str, app: str, data: str = "", **more: Any) -> Channel:
    return Channel(name, f"PJSIP/{name}-1", app=app, app_data=data, **more)
