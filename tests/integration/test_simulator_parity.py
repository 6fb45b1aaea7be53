"""The simulated PBX and a real Asterisk tell the same story of the same call, in what CallGuard reads of it."""

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import aiohttp

from callguard.asterisk.events import ChannelDestroyed, ChannelEvent, EventReader
from callguard.lab.lab import Lab
from callguard.lab.pbx import QUEUE
from callguard.simulator.calls import Call
from callguard.simulator.objects import Party, Phone
from callguard.simulator.server import Simulator

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
        await asyncio.wait_for(ready.wait(), 5)
        yield listener
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def act(
    pbx: Listener, hold: Callable[[bool], Awaitable[None]], hang_up: Callable[[], Awaitable[None]]
) -> list[Any]:
    """Play the same scene; return the statuses of the requests."""
    await pbx.seen("ChannelEnteredBridge", 2)
    customer, snoop = pbx.channel("PJSIP/customer1"), str(uuid.uuid4())
    statuses = [
        await pbx.ask("POST", f"/channels/{customer}/play", media="sound:beep"),
        await pbx.ask("GET", f"/channels/{customer}/variable", variable="NOT_SET"),
        await pbx.ask("POST", f"/channels/{customer}/snoop", app=APP, spy="sideways"),
    ]
    status, _ = await pbx.ask("POST", f"/channels/{customer}/snoop", app=APP, spy="in", snoopId=snoop)
    await pbx.seen("StasisStart")
    await hold(True)
    await pbx.seen("ChannelHold")
    await hold(False)
    await pbx.seen("ChannelUnhold")
    await hang_up()
    await pbx.seen("ChannelDestroyed", 3)
    return [*statuses, status, await pbx.ask("GET", f"/channels/{customer}")]


def story(messages: list[str]) -> Story:
    """What CallGuard's own reader makes of the events, per party: how parties' events interleave is chance."""
    reader = EventReader()
    told: Story = defaultdict(list)
    for message in messages:
        event = reader.read(message.encode())
        if isinstance(event, ChannelEvent):
            told[_who(event.channel.name)].append((type(event).__name__, *_facts(event)))
    assert not reader.dropped["malformed"]
    return dict(told)


def _facts(event: ChannelEvent) -> list[tuple[str, Any]]:
    facts = asdict(event.channel)
    del facts["id"], facts["name"]
    if isinstance(event, ChannelDestroyed):
        # What a dying channel last ran depends on how far its dialplan got.
        return [("cause", event.cause), ("number", facts["number"])]
    members = getattr(event, "bridge", None)
    return [*sorted(facts.items()), ("members", len(members.channels) if members else 0)]


def _who(name: str) -> str:
    return name.rpartition("-")[0] if name.startswith("PJSIP/") else name.partition("/")[0]


async def on_asterisk(lab: Lab) -> tuple[Story, list[Any]]:
    async with listening(lab.pbx.ari_url, lab.pbx.ari.user, lab.pbx.ari.secret) as pbx:
        call = await lab.farm.phone("customer1").call(QUEUE)
        agent = await lab.farm.phone("agent1").answered()
        statuses = await act(pbx, lambda on: agent.hold() if on else agent.unhold(), call.hangup)
        return story(pbx.messages), statuses


async def on_simulator() -> tuple[Story, list[Any]]:
    async with Simulator(password=PASSWORD) as simulator:
        customer = Phone("PJSIP/customer1", Party("customer1", "101"))
        agent = Phone("PJSIP/agent1", Party("agent1", "201"), answers_after=0.1)
        simulator.add(customer, agent)
        exchange = simulator.exchange
        async with listening(simulator.url, "callguard", PASSWORD) as pbx:
            call = Call(exchange, customer, [agent], queue="support", extension=QUEUE)

            async def hold(on: bool) -> None:
                assert call.agent
                exchange.hold(call.agent, on=on)

            async def hang_up() -> None:
                exchange.request_hangup(call.customer)

            statuses = await act(pbx, hold, hang_up)
            return story(pbx.messages), statuses


async def test_both_tell_the_same_story_of_a_queue_call_with_a_tap_and_a_hold(lab: Lab) -> None:
    real, real_statuses = await on_asterisk(lab)
    simulated, simulated_statuses = await on_simulator()
    assert simulated_statuses == real_statuses
    assert simulated == real
    assert set(real) == {"PJSIP/customer1", "PJSIP/agent1", "Snoop"}
