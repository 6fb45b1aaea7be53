"""What the simulator's tests share: phones that speak tones, and ears that find them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
import numpy as np

from callguard.audio.frames import FRAME_S, SAMPLE_RATE, Pcm
from callguard.testbed.simulator.calls import Call
from callguard.testbed.simulator.clock import Clock
from callguard.testbed.simulator.ears import Sound
from callguard.testbed.simulator.exchange import Exchange
from callguard.testbed.simulator.objects import Json, Party, Phone
from callguard.testbed.simulator.server import Simulator
from callguard.testbed.simulator.sound import tone

CUSTOMER_HZ, AGENT_HZ, SUPERVISOR_HZ, OTHER_HZ = 1300.0, 1500.0, 1900.0, 2300.0
"""None of them is in the music on hold, whose highest partial is 1,176 Hz."""
PASSWORD = "simulated"
HEARD_DBFS, NOT_HEARD_DBFS = -25.0, -60.0


def tone_dbfs(pcm: Pcm, hertz: float) -> float:
    """Level of one frequency in a piece of audio, dBFS."""
    t = np.arange(pcm.size) / SAMPLE_RATE
    amplitude = 2 * abs(np.mean(pcm.astype(np.float64) * np.hanning(pcm.size) * np.exp(-2j * np.pi * hertz * t))) * 2
    return float(20 * np.log10(amplitude / np.sqrt(2) / 32768 + 1e-9))


def hears(phone: Phone, seconds: float = 0.5) -> set[float]:
    """Which of the four tones the phone heard in the last `seconds`; a tone in between fails the test."""
    recent = phone.ears()[-round(seconds * SAMPLE_RATE) :]
    levels = {hertz: tone_dbfs(recent, hertz) for hertz in (CUSTOMER_HZ, AGENT_HZ, SUPERVISOR_HZ, OTHER_HZ)}
    assert all(level > HEARD_DBFS or level < NOT_HEARD_DBFS for level in levels.values()), levels
    return {hertz for hertz, level in levels.items() if level > HEARD_DBFS}


def phone(name: str, number: str, hertz: float, **how: Any) -> Phone:
    """A phone whose person hums a tone for ever."""
    return Phone(f"PJSIP/{name}", Party(name, number), audio=tone(hertz, 1.0), loop=True, **how)


def people() -> dict[str, Phone]:
    """Customer, two agents, supervisor: each with a tone of their own."""
    return {
        "customer": phone("customer1", "101", CUSTOMER_HZ),
        "agent": phone("agent1", "201", AGENT_HZ, answers_after=0.1),
        "other": phone("agent2", "202", OTHER_HZ, answers_after=0.1),
        "supervisor": phone("supervisor1", "301", SUPERVISOR_HZ, answers_after=0.1),
    }


class Bench:
    """An exchange without a network, stepped by the test."""

    def __init__(self) -> None:
        self.events: list[Json] = []
        self.exchange = Exchange(Clock(1_800_000_000.0), lambda event, _: self.events.append(event))
        self.sound = Sound(self.exchange)
        self.people = people()

    def run(self, seconds: float) -> Self:
        for _ in range(round(seconds / FRAME_S)):
            self.exchange.clock.tick()
            self.sound.step()
        return self

    def call(
        self, *, queue: str | None = "support", agents: tuple[str, ...] = ("agent",), seconds: float = 0.5
    ) -> Call:
        """Place a call and wait until the two talk."""
        call = Call(self.exchange, self.people["customer"], [self.people[name] for name in agents], queue=queue)
        self.run(seconds)
        return call

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]


class Client:
    """A real aiohttp client with an event socket; the simulator's time is the test's."""

    def __init__(self, simulator: Simulator, http: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.http = http
        self.events: list[Json] = []
        self.socket: aiohttp.ClientWebSocketResponse | None = None

    async def listen(self, app: str = "test", subscribe_all: str = "true") -> aiohttp.ClientWebSocketResponse:
        url = f"{self.simulator.url}/ari/events"
        socket = await self.http.ws_connect(url, params={"app": app, "subscribeAll": subscribe_all})
        self.socket = socket
        return socket

    async def ask(self, method: str, path: str, body: Any = None, **params: str) -> tuple[int, Any]:
        url = f"{self.simulator.url}/ari{path}"
        async with self.http.request(method, url, params=params, json=body) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def until(self, kind: str, **fields: Any) -> Json:
        """Read events, with time going on, until one fits; events of a channel by `id=`."""
        assert self.socket is not None
        for _ in range(500):
            while self.socket._reader._buffer:
                event = await self.socket.receive_json()
                self.events.append(event)
                if event["type"] == kind and all(_field(event, name) == value for name, value in fields.items()):
                    return event
            await self.simulator.advance(FRAME_S)
        raise AssertionError(f"no {kind} {fields} among {[event['type'] for event in self.events]}")


def _field(event: Json, name: str) -> Any:
    return event.get("channel", event.get("playback", {})).get("id") if name == "id" else event.get(name)


@asynccontextmanager
async def connected() -> AsyncIterator[Client]:
    """A simulator in virtual time with four phones, and a client that knows the password."""
    simulator = Simulator(password=PASSWORD, speed=None)
    simulator.add(*people().values())
    login = aiohttp.encode_basic_auth("callguard", PASSWORD)
    async with simulator, aiohttp.ClientSession(headers={"Authorization": login}) as http:
        yield Client(simulator, http)


async def call_on(client: Client) -> Call:
    """A queue call whose parties talk."""
    simulator = client.simulator
    customer, agent = simulator.phones["PJSIP/customer1"], simulator.phones["PJSIP/agent1"]
    call = Call(simulator.exchange, customer, [agent], queue="support")
    await simulator.advance(0.4)
    assert call.agent is not None
    return call
