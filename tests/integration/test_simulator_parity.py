"""The simulated PBX and a real Asterisk tell the same story of the same call, in what CallGuard reads of it."""

import asyncio
import json
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp
import pytest

from callguard.asterisk.events import (
    BridgeTransfer,
    ChannelDestroyed,
    ChannelEnteredBridge,
    ChannelEvent,
    ChannelStateChange,
    EventReader,
)
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from callguard.testbed.simulator.calls import Call
from callguard.testbed.simulator.objects import Party, Phone
from callguard.testbed.simulator.server import Simulator

APP = "parity"
PASSWORD = "simulated"
Story = dict[str, list[tuple[Any, ...]]]


class Listener:
    """An event socket and REST on either PBX."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/") + "/ari"
        self._http = http
        self.messages: list[str] = []

    async def ask(self, method: str, path: str, **params: str) -> tuple[int, Any]:
        async with self._http.request(method, self._url + path, params=params) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def read(self, ready: asyncio.Event) -> None:
        async with self._http.ws_connect(self._url + "/events", params={"app": APP, "subscribeAll": "true"}) as socket:
            ready.set()
            async for message in socket:
                self.messages.append(message.data)

    async def seen(self, kind: str, times: int = 1) -> None:
        async with asyncio.timeout(10):
            while sum(json.loads(message)["type"] == kind for message in self.messages) < times:
                await asyncio.sleep(0.02)

    def channel(self, name: str) -> str:
        """Id of the first channel whose name begins so."""
        channels = [json.loads(message).get("channel", {}) for message in self.messages]
        return next(str(channel["id"]) for channel in channels if channel.get("name", "").startswith(name))


@asynccontextmanager
async def listening(url: str, user: str, password: str) -> AsyncIterator[Listener]:
    headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    async with aiohttp.ClientSession(headers=headers) as http:
        listener, ready = Listener(url, http), asyncio.Event()
        reading = asyncio.create_task(listener.read(ready))
        await asyncio.wait_for(ready.wait(), 15)
        yield listener
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


@dataclass
class Stage:
    """What a scene may make people do, on either PBX."""

    pbx: Listener
    hold: Callable[[bool], Awaitable[None]]
    hang_up: Callable[[], Awaitable[None]]
    supervisor: Callable[[dict[str, Any]], None]
    press: Callable[[str], Awaitable[None]]
    transfer: Callable[[], Awaitable[None]]
    """The first agent sends the customer to the second, 202."""


Scene = Callable[[Stage], Awaitable[list[Any]]]


async def tap_and_hold(stage: Stage) -> list[Any]:
    """A call is tapped, put on hold and back, and ended by the customer; return what the requests gave."""
    pbx = stage.pbx
    customer, snoop = pbx.channel("PJSIP/customer1"), str(uuid.uuid4())
    answers = [
        await pbx.ask("POST", f"/channels/{customer}/play", media="sound:beep"),
        await pbx.ask("GET", f"/channels/{customer}/variable", variable="NOT_SET"),
        await pbx.ask("POST", f"/channels/{customer}/snoop", app=APP, spy="sideways"),
    ]
    status, _ = await pbx.ask("POST", f"/channels/{customer}/snoop", app=APP, spy="in", snoopId=snoop)
    await pbx.seen("StasisStart")
    await stage.hold(True)
    await pbx.seen("ChannelHold")
    await stage.hold(False)
    await pbx.seen("ChannelUnhold")
    await stage.hang_up()
    await pbx.seen("ChannelDestroyed", 3)
    return [*answers, status, await pbx.ask("GET", f"/channels/{customer}")]


async def supervise(stage: Stage) -> list[Any]:
    """A supervisor is busy, does not come, comes, whispers, presses a key, hears a beep and is released."""
    pbx, statuses = stage.pbx, []

    async def ask(method: str, path: str, **params: str) -> None:
        statuses.append((path.replace(agent, "AGENT"), (await pbx.ask(method, path, **params))[0]))

    agent = pbx.channel("PJSIP/agent1")
    ring = {"endpoint": "PJSIP/supervisor1", "app": APP, "callerId": "CallGuard <100>"}
    stage.supervisor({"busy": True})
    await ask("POST", "/channels", **ring, channelId="busy", timeout="5")
    await pbx.seen("ChannelDestroyed", 1)
    stage.supervisor({"busy": False, "answers": None})
    await ask("POST", "/channels", **ring, channelId="nobody", timeout="1")
    await pbx.seen("ChannelDestroyed", 2)
    stage.supervisor({"busy": False, "answers": 0.1})
    await ask("POST", "/channels", **ring, channelId="sup", timeout="5")
    await pbx.seen("StasisStart", 1)
    await ask("POST", "/bridges/room", type="mixing,dtmf_events")
    await ask("POST", "/bridges/room/addChannel", channel="sup")
    await ask("POST", f"/channels/{agent}/snoop", app=APP, spy="both", whisper="out", snoopId="ear")
    await pbx.seen("StasisStart", 2)
    await ask("POST", "/bridges/room/addChannel", channel="ear")
    await ask("POST", "/bridges/room/addChannel", channel=agent)
    await stage.press("5")
    await pbx.seen("ChannelDtmfReceived")
    await ask("POST", "/channels/sup/play/p1", media="sound:beep")
    await pbx.seen("PlaybackFinished")
    await ask("DELETE", "/channels/ear")
    await pbx.seen("ChannelDestroyed", 3)
    await ask("DELETE", "/bridges/room")
    await pbx.seen("BridgeDestroyed")
    await ask("DELETE", "/channels/sup")
    await pbx.seen("ChannelDestroyed", 4)
    await stage.hang_up()
    await pbx.seen("ChannelDestroyed", 6)
    return statuses


async def transfer_blind(stage: Stage) -> list[Any]:
    """The agent transfers the customer, whose tap goes on, to another agent; the customer hangs up."""
    pbx = stage.pbx
    for taps, party in enumerate(("customer1", "agent1"), start=1):
        channel = pbx.channel(f"PJSIP/{party}")
        await pbx.ask("POST", f"/channels/{channel}/snoop", app=APP, spy="in", snoopId=f"tap-{party}")
        await pbx.seen("StasisStart", taps)
    await stage.transfer()
    await pbx.seen("BridgeBlindTransfer")
    await pbx.seen("ChannelEnteredBridge", 4)
    there = [await pbx.ask("GET", f"/channels/tap-{party}") for party in ("customer1", "agent1")]
    bridges = (await pbx.ask("GET", "/bridges"))[1]
    await stage.hang_up()
    await pbx.seen("ChannelDestroyed", 5)
    return [[status for status, _ in there], [len(bridge["channels"]) for bridge in bridges]]


async def tap_without_dialplan(stage: Stage) -> list[Any]:
    """A leg is tapped by external media; the customer hangs up, and what Asterisk leaves behind is removed."""
    pbx, statuses = stage.pbx, []

    async def ask(method: str, path: str, **params: str) -> None:
        statuses.append((path.replace(customer, "CUSTOMER"), (await pbx.ask(method, path, **params))[0]))

    customer = pbx.channel("PJSIP/customer1")
    await ask("POST", f"/channels/{customer}/snoop", app=APP, spy="in", snoopId="ear")
    await pbx.seen("StasisStart", 1)
    media = {"app": APP, "external_host": "127.0.0.1:9", "format": "slin", "channelId": "media"}
    await ask("POST", "/channels/externalMedia", **media)
    await pbx.seen("StasisStart", 2)
    await ask("POST", "/channels/externalMedia", **media)
    await ask("POST", "/bridges/mixer", type="mixing")
    await ask("POST", "/bridges/mixer/addChannel", channel="ear,media")
    await stage.hang_up()
    await pbx.seen("ChannelDestroyed", 3)
    statuses.append((await pbx.ask("GET", "/bridges/mixer"))[1]["channels"])
    await ask("DELETE", "/channels/media")
    await pbx.seen("ChannelDestroyed", 4)
    await ask("DELETE", "/bridges/mixer")
    await pbx.seen("BridgeDestroyed", 2)
    return statuses


def story(messages: list[str]) -> Story:
    """What CallGuard's own reader makes of the events, per party: how parties' events interleave is chance."""
    reader = EventReader(time.time)
    told: Story = defaultdict(list)
    for message in messages:
        event = reader.read(message.encode())
        if isinstance(event, ChannelEvent):
            # A transfer is told before, between or after the parties' leaving: chance again.
            who = "transfer" if isinstance(event, BridgeTransfer) else _who(event.channel.name)
            told[who].append((type(event).__name__, *_facts(event)))
    assert not reader.dropped["malformed"]
    return dict(told)


def _facts(event: ChannelEvent) -> list[tuple[str, Any]]:
    facts = asdict(event.channel)
    del facts["id"], facts["name"]
    if isinstance(event, ChannelDestroyed):
        # What a dying channel last ran depends on how far its dialplan got.
        return [("cause", event.cause), ("number", facts["number"])]
    if isinstance(event, ChannelStateChange):  # read is whose phone it is; what the channel runs just then is chance
        return [("state", facts["state"])]
    if isinstance(event, ChannelEnteredBridge):  # who leaves first when a bridge ends is chance
        facts["members"] = len(event.bridge.channels)
    return sorted(facts.items())


def _who(name: str) -> str:
    return name.rpartition("-")[0] if name.startswith("PJSIP/") else name.partition("/")[0]


async def on_asterisk(lab: Lab, scene: Scene) -> tuple[Story, list[Any]]:
    async with listening(lab.pbx.ari_url, lab.pbx.ari.user, lab.pbx.ari.secret) as pbx:
        phone = lab.farm.phone("supervisor1")
        call = await lab.farm.phone("customer1").call(QUEUE)
        agent = await lab.farm.phone("agent1").answered()

        def supervisor(how: dict[str, Any]) -> None:
            phone.busy, phone.answer_after_s = how["busy"], how.get("answers", 0.1)

        async def hold(on: bool) -> None:
            await (agent.hold() if on else agent.unhold())

        async def press(digits: str) -> None:
            await phone.calls[-1].dtmf(digits)

        await pbx.seen("ChannelEnteredBridge", 2)
        stage = Stage(pbx, hold, call.hangup, supervisor, press, lambda: agent.transfer("202"))
        statuses = await scene(stage)
        phone.reset()
        return story(pbx.messages), statuses


async def on_simulator(scene: Scene) -> tuple[Story, list[Any]]:
    async with Simulator(password=PASSWORD) as simulator:
        customer = Phone("PJSIP/customer1", Party("customer1", "101"))
        agent = Phone("PJSIP/agent1", Party("agent1", "201"), answers_after=0.1)
        phone = Phone("PJSIP/supervisor1", Party("supervisor1", "301"))
        simulator.add(customer, agent, phone, Phone("PJSIP/agent2", Party("agent2", "202"), answers_after=0.1))
        exchange = simulator.exchange
        async with listening(simulator.url, "callguard", PASSWORD) as pbx:
            call = Call(exchange, customer, [agent], queue="support", extension=QUEUE)

            def supervisor(how: dict[str, Any]) -> None:
                phone.busy, phone.answers_after = how["busy"], how.get("answers", 0.1)

            async def hold(on: bool) -> None:
                assert call.agent
                exchange.hold(call.agent, on=on)

            async def hang_up() -> None:
                exchange.request_hangup(call.customer)

            async def press(digit: str) -> None:
                exchange.press(exchange.channels["sup"], digit)

            await pbx.seen("ChannelEnteredBridge", 2)

            async def transfer() -> None:
                call.transfer_blind(simulator.phones["PJSIP/agent2"])

            statuses = await scene(Stage(pbx, hold, hang_up, supervisor, press, transfer))
            return story(pbx.messages), statuses


@pytest.mark.parametrize("scene", [tap_and_hold, tap_without_dialplan, transfer_blind, supervise])
async def test_both_tell_the_same_story(lab: Lab, scene: Scene) -> None:
    real, real_answers = await on_asterisk(lab, scene)
    simulated, simulated_answers = await on_simulator(scene)
    assert simulated_answers == real_answers
    for who in sorted(real | simulated):
        assert simulated.get(who) == real.get(who), who
    assert {"PJSIP/customer1", "PJSIP/agent1", "Snoop"} <= set(real)
