"""The objects of a test call in Asterisk, under a Stasis application of its own; all are removed at its end."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.asterisk.client import AriClient, Connected, Disconnected, Spy
from callguard.asterisk.events import StasisStart
from callguard.asterisk.names import HOST_VARIABLE
from callguard.asterisk.waiter import Waiter
from callguard.audio.audiosocket import SLIN, scan
from callguard.config import Config
from callguard.testbed.party import Party

SILENT_HZ: Final = 0.0
WAIT_S: Final = 5.0
"""Most seconds for a channel to arrive."""


class ProbeCall:
    """The objects that the self-test has made in Asterisk."""

    def __init__(self, client: AriClient, config: Config) -> None:
        self.client = client
        self.config = config
        self.watch = Waiter()
        self._ready = asyncio.Event()

    async def ready(self) -> None:
        """Wait until events come in."""
        await asyncio.wait_for(self._ready.wait(), WAIT_S)

    async def follow(self) -> None:
        """Feed the waiter with events until cancelled."""
        async for event in self.client.events():
            if isinstance(event, Connected):
                self._ready.set()
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

    async def bridge(self, stack: AsyncExitStack, kind: str = "mixing,dtmf_events") -> str:
        """Make a bridge; return its id. Of kind `mixing` alone, Asterisk may join two phones outside its core."""
        bridge = f"{self.client.app}-{uuid.uuid4()}"
        stack.push_async_callback(self.client.destroy_bridge, bridge)
        await self.client.create_bridge(bridge, kind)
        return bridge

    async def snoop(self, stack: AsyncExitStack, channel: str, *, spy: Spy, whisper: Spy) -> str:
        """Make a snoop; return its id as soon as it is usable."""
        snoop = str(uuid.uuid4())
        stack.push_async_callback(self.client.hang_up, snoop)
        with self.watch.on(snoop, StasisStart) as started:
            await self.client.snoop(channel, snoop, spy=spy, whisper=whisper)
            await asyncio.wait_for(started, WAIT_S)
        return snoop

    async def tapped(self, channel: str, seconds: float) -> NDArray[np.int16] | None:
        """Tap a leg as `run` does, by `media.tap`; return the audio of some seconds, or None where none arrived."""
        by_rtp = self.config.media.tap == "external_media"
        return await (self._by_rtp(channel, seconds) if by_rtp else self._by_audiosocket(channel, seconds))

    async def _by_rtp(self, channel: str, seconds: float) -> NDArray[np.int16] | None:
        """Join a snoop and a silent party in a bridge."""
        async with AsyncExitStack() as stack, Party("tap", SILENT_HZ, self.config.media.listen) as ear:
            snoop = await self.snoop(stack, channel, spy="in", whisper="none")
            media, bridge = await self.join(stack, ear), await self.bridge(stack)
            await self.client.add_to_bridge(bridge, snoop, media)
            await asyncio.sleep(seconds)
            return ear.heard() if len(ear.heard()) else None

    async def _by_audiosocket(self, channel: str, seconds: float) -> NDArray[np.int16] | None:
        async with AsyncExitStack() as stack, _receiver(self.config.media.listen) as (port, received):
            snoop = await self.snoop(stack, channel, spy="in", whisper="none")
            if host := self.config.media.named_host:
                await self.client.set_variable(snoop, HOST_VARIABLE, host)
            await self.client.continue_to(snoop, context=self.config.media.tap_context, extension=f"u{port}")
            await asyncio.sleep(seconds)
            payload = [bytes(received[m.start : m.end]) for m in scan(bytes(received), len(received)) if m.kind == SLIN]
            return np.frombuffer(b"".join(payload), "<i2").astype(np.int16) if payload else None


@asynccontextmanager
async def placed(config: Config) -> AsyncIterator[ProbeCall]:
    """Connect to Asterisk for a test call. Raises AriError, or TimeoutError where no event socket opens."""
    ari = config.asterisk.ari
    own = ari.model_copy(update={"app": f"{ari.app}-doctor-{uuid.uuid4().hex[:6]}"})
    async with AriClient(own) as client:
        call = ProbeCall(client, config)
        follower = asyncio.create_task(call.follow())
        try:
            await call.ready()
            yield call
        finally:
            follower.cancel()


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
