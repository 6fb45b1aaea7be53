"""The ARI app works on the simulated PBX as on a real one: real HTTP, WebSocket and AudioSocket, in real time."""

import asyncio
import struct
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

from callguard.ari_app import AriApp
from callguard.asterisk.supervision.session import RingRequest, SupervisionError
from callguard.config import Ami, Ari, AsteriskConfig, Config, Media, RoleRule, Roles, Secret, SupervisionConfig
from callguard.config import SupervisorConfig as Supervisor
from callguard.contracts.events import Event
from callguard.contracts.messages import CallFacts, CloseCall, CloseLeg, LegConnected, LegLost, OpenLeg
from callguard.testbed.simulator.calls import Call
from callguard.testbed.simulator.server import Simulator
from callguard.testbed.simulator.weather import FOR_EVER_S, Fault
from tests.support.grants import COMMAND
from tests.testbed.simulator.harness import (
    AGENT_HZ,
    CUSTOMER_HZ,
    PASSWORD,
    SUPERVISOR_HZ,
    hears,
    people,
    tone_dbfs,
)

Phone = tuple[str, str | None]
"""What the app told: supervisor, and why their phone can't be rung."""
LEAD = Supervisor(name="lead", endpoint="PJSIP/supervisor1")


class Ears:
    """A media plane: one TCP port, which keeps each leg's audio and tells the app what a worker would."""

    def __init__(self) -> None:
        self.legs: dict[str, OpenLeg] = {}
        self.audio: dict[str, bytearray] = {}
        self.app: AriApp | None = None
        self.sent: list[CallFacts | CloseCall | CloseLeg] = []
        self._server: asyncio.Server | None = None

    async def open_leg(self, leg: OpenLeg) -> int:
        self.legs[leg.leg] = leg
        if self._server is None:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def send(self, call: str, message: CallFacts | CloseCall | CloseLeg) -> None:
        self.sent.append(message)

    def heard(self, role: str) -> np.ndarray:
        """The newest half second of the newest leg of a role."""
        leg = [leg.leg for leg in self.legs.values() if leg.role == role and leg.leg in self.audio][-1]
        return np.frombuffer(bytes(self.audio[leg][-8000:]), dtype="<i2")

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.app
        leg = ""
        try:
            while True:
                kind, size = struct.unpack(">BH", await reader.readexactly(3))
                payload = await reader.readexactly(size)
                if kind == 1:
                    leg = str(uuid.UUID(bytes=payload))
                    self.audio[leg] = bytearray()
                    self.app.on_worker_message(LegConnected(leg))
                else:
                    self.audio[leg] += payload
        except (asyncio.IncompleteReadError, ConnectionError):
            self.app.on_worker_message(LegLost(leg, "eof"))
        finally:
            writer.close()

    async def close(self) -> None:
        if self._server:
            self._server.close()


class World:
    """The simulator, the app and what it emitted."""

    def __init__(self, simulator: Simulator, app: AriApp, ears: Ears, events: list[Event], phones: list[Phone]) -> None:
        self.simulator, self.app, self.ears, self.events = simulator, app, ears, events
        self.phones = phones
        self._work = asyncio.create_task(app.run())

    async def stop(self) -> None:
        """End the app in good order; the PBX goes on."""
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)

    def call(self) -> Call:
        phones = self.simulator.phones
        return Call(self.simulator.exchange, phones["PJSIP/customer1"], [phones["PJSIP/agent1"]], queue="support")

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    async def talking(self) -> Call:
        """A call that is tapped on both legs."""
        before = self.kinds().count("TapOpened")
        call = self.call()
        await until(lambda: self.kinds().count("TapOpened") == before + 2)
        return call

    async def ring(self, mode: Any = "whisper") -> None:
        await self.app.supervision.ring(
            RingRequest(call=next(iter(self.app.calls)), supervisors=(LEAD,), mode=mode, timeout_s=1.0)
        )


async def until(condition: Callable[[], Any], timeout_s: float = 8.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


def config(simulator: Simulator) -> Config:
    ari = Ari(url=simulator.url, password=Secret(env="SIMULATED_PASSWORD"), timeout_s=1.0)
    return Config(
        asterisk=AsteriskConfig(ari=ari, ami=Ami(enabled=False)),
        media=Media(connect_timeout_s=1.0),
        roles=Roles(rules=(RoleRule(channel="PJSIP/agent*", role="agent"),)),
        supervision=SupervisionConfig(briefing=False),
        supervisors=(LEAD,),
    )


@asynccontextmanager
async def running(*faults: Fault) -> AsyncIterator[World]:
    ears, events = Ears(), list[Event]()
    async with Simulator(password=PASSWORD) as simulator:
        simulator.add(*people().values())
        simulator.weather.faults.extend(faults)
        phones: list[Phone] = []
        app = AriApp(config(simulator), ears, events.append, on_phone=lambda *phone: phones.append(phone))
        ears.app = app
        world = World(simulator, app, ears, events, phones)
        await until(lambda: simulator.applications.active("callguard"))
        try:
            yield world
        finally:
            await world.stop()
            await ears.close()


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("SIMULATED_PASSWORD", PASSWORD)
    async with running() as world:
        yield world


async def test_a_queue_call_is_found_and_each_leg_is_tapped_with_its_own_voice(world: World) -> None:
    await world.talking()
    (call,) = world.app.calls.values()
    assert call.queue == "support"
    await asyncio.sleep(0.7)
    for role, own, others in (("customer", CUSTOMER_HZ, AGENT_HZ), ("agent", AGENT_HZ, CUSTOMER_HZ)):
        heard = world.ears.heard(role)
        assert tone_dbfs(heard, own) > -20
        assert tone_dbfs(heard, others) < -60


async def test_when_the_call_ends_nothing_is_left(world: World) -> None:
    call = await world.talking()
    await world.ring()
    world.simulator.exchange.request_hangup(call.customer)
    await until(lambda: not world.simulator.exchange.channels and not world.simulator.exchange.bridges)
    assert not world.app.calls
    assert "CallEnded" in world.kinds()


async def test_modes_are_heard_by_whom_they_should_and_the_customer_never_hears_the_whisper(world: World) -> None:
    await world.talking()
    phones = world.simulator.phones
    customer, agent, supervisor = (phones[f"PJSIP/{name}1"] for name in ("customer", "agent", "supervisor"))
    call = next(iter(world.app.calls))
    await world.ring("whisper")
    await asyncio.sleep(0.8)
    assert hears(agent) == {CUSTOMER_HZ, SUPERVISOR_HZ}
    assert hears(supervisor) == {CUSTOMER_HZ, AGENT_HZ}
    await world.app.supervision.set_mode(call, "lead", "listen", COMMAND)
    await asyncio.sleep(0.8)
    assert hears(agent) == {CUSTOMER_HZ}
    await world.app.supervision.set_mode(call, "lead", "whisper", COMMAND)
    await asyncio.sleep(0.8)
    private = customer.ears()
    blocks = [private[at : at + 1600] for at in range(0, private.size - 1600, 800)]
    assert max(tone_dbfs(block, SUPERVISOR_HZ) for block in blocks) < -50
    await world.app.supervision.set_mode(call, "lead", "barge", COMMAND)
    await asyncio.sleep(0.8)
    assert hears(customer) == {AGENT_HZ, SUPERVISOR_HZ}


async def test_a_take_over_leaves_customer_and_supervisor(world: World) -> None:
    await world.talking()
    await world.ring("whisper")
    await world.app.supervision.set_mode(next(iter(world.app.calls)), "lead", "takeover", COMMAND)
    await asyncio.sleep(0.9)
    assert hears(world.simulator.phones["PJSIP/customer1"]) == {SUPERVISOR_HZ}
    assert hears(world.simulator.phones["PJSIP/supervisor1"]) == {CUSTOMER_HZ}


@pytest.mark.parametrize("how", ["command", "opt_out", "service"])
async def test_who_took_over_stays_with_the_customer_whatever_stops(world: World, how: str) -> None:
    await world.talking()
    await world.ring("takeover")
    (call,) = world.app.calls
    await until(lambda: str(world.app.calls[call].agent_channel).startswith("PJSIP/supervisor1-"))
    if how == "command":
        await world.app.supervision.stop(call)
    elif how == "opt_out":
        await world.app.opt_out(call)
    else:
        await world.stop()
    await until(lambda: "SupervisionEnded" in world.kinds())
    await asyncio.sleep(0.9)
    assert hears(world.simulator.phones["PJSIP/customer1"]) == {SUPERVISOR_HZ}
    assert hears(world.simulator.phones["PJSIP/supervisor1"]) == {CUSTOMER_HZ}


async def test_an_agent_who_cant_be_removed_costs_no_takeover(world: World) -> None:
    call = await world.talking()
    assert call.agent
    world.simulator.weather.faults.append(Fault(f"DELETE /ari/channels/{call.agent.id}", status=503))
    await world.ring("takeover")
    await asyncio.sleep(0.9)
    assert hears(world.simulator.phones["PJSIP/customer1"]) == {SUPERVISOR_HZ, AGENT_HZ}
    assert "SupervisionEnded" not in world.kinds()


async def test_phones_whose_state_cant_be_read_keep_no_call_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATED_PASSWORD", PASSWORD)
    async with running(Fault("GET /ari/deviceStates/*", delay_s=FOR_EVER_S)) as world:
        began = time.monotonic()
        await world.talking()
        assert time.monotonic() - began < 0.9, "a question to Asterisk gives up after a second"


async def test_keys_on_the_supervisors_phone_change_the_mode(world: World) -> None:
    await world.talking()
    await world.ring("listen")
    exchange = world.simulator.exchange
    keypad = next(channel for channel in exchange.channels.values() if channel.name.startswith("PJSIP/supervisor1"))
    exchange.press(keypad, "6")
    await until(lambda: "SupervisionModeChanged" in world.kinds())
    await asyncio.sleep(0.8)
    assert hears(world.simulator.phones["PJSIP/customer1"]) == {AGENT_HZ, SUPERVISOR_HZ}


@pytest.mark.parametrize(("how", "reason"), [({"busy": True}, "busy"), ({"answers_after": None}, "no_answer")])
async def test_a_supervisor_who_cannot_be_had_gives_the_reason(world: World, how: dict[str, Any], reason: str) -> None:
    await world.talking()
    for name, value in how.items():
        setattr(world.simulator.phones["PJSIP/supervisor1"], name, value)
    with pytest.raises(SupervisionError) as error:
        await world.ring()
    assert error.value.reason == reason


async def test_supervisors_phones_are_known_at_the_start_on_change_and_after_a_gap(world: World) -> None:
    phone = world.simulator.phones["PJSIP/supervisor1"]
    assert world.phones == []
    await world.talking()
    await world.ring()
    await until(lambda: world.phones == [("lead", "busy")])
    await world.app.supervision.stop(next(iter(world.app.calls)))
    await until(lambda: world.phones == [("lead", "busy"), ("lead", None)])
    world.simulator.drop_sockets()
    phone.registered = False
    await until(lambda: "NodeRecovered" in world.kinds())
    assert world.phones[2:] == [("lead", "unreachable")], "known before the app says that it is back"


async def test_a_dropped_event_socket_costs_no_tap_and_doubles_none(world: World) -> None:
    await world.talking()
    legs = len(world.ears.legs)
    world.simulator.drop_sockets()
    await until(lambda: "NodeRecovered" in world.kinds())
    await asyncio.sleep(0.5)
    assert len(world.ears.legs) == legs
    assert len(world.app.calls) == 1
    assert len(world.simulator.exchange.channels) == 4


async def test_cut_media_is_tapped_again(world: World) -> None:
    await world.talking()
    world.simulator.cut_media()
    await until(lambda: world.kinds().count("TapRestored") == 2)
    await asyncio.sleep(0.6)
    assert tone_dbfs(world.ears.heard("customer"), CUSTOMER_HZ) > -20


async def test_a_phone_that_asterisk_rings_too_late_is_hung_up_at_once(world: World) -> None:
    await world.talking()
    world.simulator.weather.faults.append(Fault("POST /ari/channels", delay_s=1.5, times=1))
    with pytest.raises(SupervisionError, match="asterisk"):
        await world.ring()
    seen = list[str]()
    world.simulator.observers.append(
        lambda event: seen.append(f"{event['type']} {event.get('channel', {}).get('name')}")
    )
    await until(lambda: [each for each in seen if each.startswith("ChannelCreated PJSIP/supervisor1")])
    await until(lambda: [each for each in seen if each.startswith("ChannelDestroyed PJSIP/supervisor1")], 1.0)


async def test_a_snoop_that_asterisk_makes_too_late_does_not_stay(world: World) -> None:
    world.simulator.weather.faults.append(Fault("POST /ari/channels/*/snoop", delay_s=1.5, times=2))
    world.call()
    await until(lambda: world.kinds().count("TapRestored") == 2)
    names = sorted(channel.name.split("/")[0] for channel in world.simulator.exchange.channels.values())
    assert names == ["PJSIP", "PJSIP", "Snoop", "Snoop"]


async def test_a_snoop_that_fails_is_tried_again(world: World) -> None:
    world.simulator.weather.faults.append(Fault("POST /ari/channels/*/snoop", status=503, times=2))
    world.call()
    await until(lambda: world.kinds().count("TapOpened") + world.kinds().count("TapRestored") == 2)
    assert world.simulator.weather.met == 2


async def test_after_a_restart_of_the_pbx_the_next_call_is_tapped(world: World) -> None:
    await world.talking()
    await world.simulator.restart(down_s=0.3)
    await until(lambda: world.simulator.applications.active("callguard"))
    await until(lambda: not world.app.calls)
    await world.talking()
