"""Place the self-test call: three parties of CallGuard's own on the real Asterisk, without a phone or a customer.

Customer and agent talk in one bridge, a supervisor whispers to the agent as in a real call, and both legs are tapped as
in a real call. Each party sends its own tone, so the tones in each party's audio prove which parties it hears. The call
runs under a separate Stasis application and removes all its objects.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.asterisk.client import AriClient, Connected, Disconnected, Spy
from callguard.asterisk.errors import AriError
from callguard.asterisk.events import StasisStart
from callguard.asterisk.waiter import Waiter
from callguard.audio.audiosocket import SLIN, scan
from callguard.config import Config
from callguard.doctor.checks import check_channelvars
from callguard.doctor.findings import Finding
from callguard.testbed.party import Party, tone_share

CUSTOMER_HZ: Final = 440.0
AGENT_HZ: Final = 940.0
SUPERVISOR_HZ: Final = 1710.0
SETTLE_S: Final = 0.6
LISTEN_S: Final = 1.5
WAIT_S: Final = 5.0
PRESENT: Final = 0.1
"""Least share of the energy of an audible tone, even beside another."""
ABSENT: Final = 0.001
"""Share of the energy (30 dB down) below which a tone is inaudible."""


class _Call:
    """The objects that the self-test has made in Asterisk."""

    def __init__(self, client: AriClient, config: Config) -> None:
        self.client = client
        self.config = config
        self.watch = Waiter()
        self.ready = asyncio.Event()

    async def follow(self) -> None:
        """Feed the waiter with events until cancelled."""
        async for event in self.client.events():
            if isinstance(event, Connected):
                self.ready.set()
            elif not isinstance(event, Disconnected):
                self.watch.see(event)

    async def join(self, stack: AsyncExitStack, party: Party) -> str:
        """Give a party a channel; return its id."""
        channel = f"{self.client.app}-{party.name}-{uuid.uuid4()}"
        stack.push_async_callback(self.client.hang_up, channel)
        with self.watch.on(channel, StasisStart) as started:
            await self.client.external_media(channel, host=party.address, codec="ulaw")
            await asyncio.wait_for(started, WAIT_S)
        port = int(await self.client.variable(channel, "UNICASTRTP_LOCAL_PORT"))
        host = await self.client.variable(channel, "UNICASTRTP_LOCAL_ADDRESS")
        party.speak_to(host, port)
        return channel

    async def bridge(self, stack: AsyncExitStack) -> str:
        """Make a bridge; return its id."""
        bridge = f"{self.client.app}-{uuid.uuid4()}"
        stack.push_async_callback(self.client.destroy_bridge, bridge)
        await self.client.create_bridge(bridge)
        return bridge

    async def snoop(self, stack: AsyncExitStack, channel: str, *, spy: Spy, whisper: Spy) -> str:
        """Make a snoop; return its id as soon as it is usable."""
        snoop = str(uuid.uuid4())
        stack.push_async_callback(self.client.hang_up, snoop)
        with self.watch.on(snoop, StasisStart) as started:
            await self.client.snoop(channel, snoop, spy=spy, whisper=whisper)
            await asyncio.wait_for(started, WAIT_S)
        return snoop


async def self_test(config: Config) -> list[Finding]:
    """Place the self-test call; return its findings."""
    ari = config.asterisk.ari
    own = ari.model_copy(update={"app": f"{ari.app}-doctor-{uuid.uuid4().hex[:6]}"})
    try:
        async with AriClient(own) as client, asyncio.timeout(30):
            return await _run(_Call(client, config))
    except (AriError, TimeoutError, ValueError) as error:
        why = str(error) or "Asterisk did not answer in time"
        return [Finding("error", "selftest", f"the self-test call could not be placed: {why}")]


async def _run(call: _Call) -> list[Finding]:
    async with AsyncExitStack() as stack:
        follower = asyncio.create_task(call.follow())
        stack.callback(follower.cancel)
        await asyncio.wait_for(call.ready.wait(), WAIT_S)
        host = call.config.media.listen
        customer = await stack.enter_async_context(Party("customer", CUSTOMER_HZ, host))
        agent = await stack.enter_async_context(Party("agent", AGENT_HZ, host))
        supervisor = await stack.enter_async_context(Party("supervisor", SUPERVISOR_HZ, host))
        channels = [await call.join(stack, party) for party in (customer, agent, supervisor)]
        talk, room = await call.bridge(stack), await call.bridge(stack)
        await call.client.add_to_bridge(talk, channels[0], channels[1])
        whisper = await call.snoop(stack, channels[1], spy="both", whisper="out")
        await call.client.add_to_bridge(room, channels[2], whisper)
        await asyncio.sleep(SETTLE_S)
        for party in (customer, agent, supervisor):
            party.forget()
        async with asyncio.TaskGroup() as group:
            taps = [group.create_task(_tapped(call, channels[n])) for n in (0, 1)]
            group.create_task(asyncio.sleep(LISTEN_S))
        heard = {party.name: party.heard() for party in (customer, agent, supervisor)}
        settings = await check_channelvars(call.client)
        return [*settings, *_judge_phones(heard), *_judge_taps(taps[0].result(), taps[1].result())]


def _judge_phones(heard: dict[str, NDArray[np.int16]]) -> list[Finding]:
    expected = (
        ("the customer hears the agent", "customer", AGENT_HZ, True),
        ("the customer never hears the whisper", "customer", SUPERVISOR_HZ, False),
        ("the agent hears the customer", "agent", CUSTOMER_HZ, True),
        ("the agent hears the whisper", "agent", SUPERVISOR_HZ, True),
        ("the supervisor hears the customer", "supervisor", CUSTOMER_HZ, True),
        ("the supervisor hears the agent", "supervisor", AGENT_HZ, True),
    )
    return [_finding(text, heard[ear], hertz, audible) for text, ear, hertz, audible in expected]


def _judge_taps(customer: NDArray[np.int16] | None, agent: NDArray[np.int16] | None) -> list[Finding]:
    findings = []
    taps = (("customer", customer, CUSTOMER_HZ, AGENT_HZ), ("agent", agent, AGENT_HZ, CUSTOMER_HZ))
    for name, samples, own, other in taps:
        if samples is None:
            findings.append(_no_tap(name))
            continue
        findings.append(_finding(f"the tap of the {name} carries the {name}", samples, own, True))
        findings.append(_finding(f"the tap of the {name} carries no other party", samples, other, False))
    return findings


def _no_tap(name: str) -> Finding:
    return Finding(
        "error",
        "media",
        f"no media came from the tap of the {name}",
        "#include extensions_callguard.conf in the dialplan and load app_audiosocket.so, or set media.tap to"
        " external_media",
    )


def _finding(text: str, samples: NDArray[np.int16], hertz: float, audible: bool) -> Finding:
    share = tone_share(samples, hertz)
    proved = len(samples) > 0 and (share >= PRESENT if audible else share < ABSENT)
    detail = f"{text} (tone share {share:.4f}, {len(samples) / 8000:.1f} s heard)"
    return Finding("ok" if proved else "error", "selftest", detail if proved else f"NOT proved: {detail}")


async def _tapped(call: _Call, channel: str) -> NDArray[np.int16] | None:
    """Tap a leg by AudioSocket as `run` does; return the audio of LISTEN_S, or None where none arrived."""
    async with AsyncExitStack() as stack, _receiver(call.config.media.listen) as (port, received):
        snoop = await call.snoop(stack, channel, spy="in", whisper="none")
        await call.client.continue_to(snoop, context=call.config.media.tap_context, extension=f"u{port}")
        await asyncio.sleep(LISTEN_S)
        payload = [bytes(received[m.start : m.end]) for m in scan(bytes(received), len(received)) if m.kind == SLIN]
        return np.frombuffer(b"".join(payload), "<i2").astype(np.int16) if payload else None


@asynccontextmanager
async def _receiver(host: str) -> AsyncIterator[tuple[int, bytearray]]:
    received = bytearray()

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            received.extend(data)
        writer.close()

    server = await asyncio.start_server(read, host, 0)
    try:
        yield server.sockets[0].getsockname()[1], received
    finally:
        server.close()
