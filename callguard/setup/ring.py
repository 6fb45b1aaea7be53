"""Ring a supervisor's phone for a test, and play a sentence to the person who answers."""

import asyncio
import time
import uuid
from contextlib import AsyncExitStack
from typing import Final

from callguard.asterisk.client import AriClient, Connected, Disconnected
from callguard.asterisk.errors import AriError
from callguard.asterisk.events import ChannelDestroyed, PlaybackFinished, StasisStart
from callguard.asterisk.supervision.originate import CAUSES
from callguard.asterisk.waiter import Waiter
from callguard.config import Config
from callguard.doctor.findings import Finding

AREA: Final = "ring"
WAIT_S: Final = 5.0
PROMPT: Final = "sound:callguard/help-is-coming"
TONE: Final = "tone:1400/300,0/200,1400/300,0/200,1400/600,0/5000"
"""Played where the prompts are not installed."""
TONE_S: Final = 2.0


async def ring_test(config: Config, endpoint: str, *, timeout_s: float = 20.0) -> Finding:
    """Ring an endpoint for `timeout_s` at most, play a sentence, hang up; return the finding."""
    ari = config.asterisk.ari
    own = ari.model_copy(update={"app": f"{ari.app}-init-{uuid.uuid4().hex[:6]}"})
    try:
        async with AriClient(own) as client, AsyncExitStack() as stack:
            return await _Ring(client, stack).ring(endpoint, config.supervision.caller_id, timeout_s)
    except (AriError, TimeoutError) as error:
        advice = "is the phone registered? `callguard check --pbx` shows its state"
        return Finding("error", AREA, f"{endpoint} could not be rung: {error or 'no answer from Asterisk'}", advice)


class _Ring:
    def __init__(self, client: AriClient, stack: AsyncExitStack) -> None:
        self._client = client
        self._stack = stack
        self._watch = Waiter()
        self._ready = asyncio.Event()

    async def _follow(self) -> None:
        async for event in self._client.events():
            if isinstance(event, Connected):
                self._ready.set()
            elif not isinstance(event, Disconnected):
                self._watch.see(event)

    async def ring(self, endpoint: str, caller_id: str, timeout_s: float) -> Finding:
        follower = asyncio.create_task(self._follow())
        self._stack.callback(follower.cancel)
        await asyncio.wait_for(self._ready.wait(), WAIT_S)
        channel, began = f"{self._client.app}-{uuid.uuid4()}", time.monotonic()
        self._stack.push_async_callback(self._client.hang_up, channel)
        with self._watch.on(channel, StasisStart, ChannelDestroyed) as seen:
            await self._client.originate(
                channel, endpoint=endpoint, caller_id=caller_id, timeout_s=timeout_s, variables={}
            )
            event = await asyncio.wait_for(seen, timeout_s + WAIT_S)
        if isinstance(event, ChannelDestroyed):
            why = CAUSES.get(event.cause, "unreachable").replace("_", " ")
            return Finding("warning", AREA, f"{endpoint} rang and was not answered: {why}", "ring it again later")
        after_s = time.monotonic() - began
        await self._play(channel)
        return Finding("ok", AREA, f"{endpoint} rang and was answered after {after_s:.1f} s")

    async def _play(self, channel: str) -> None:
        """Play the sentence; a tone where Asterisk does not have it."""
        if not await self._played(channel, PROMPT, WAIT_S):
            await self._played(channel, TONE, TONE_S)

    async def _played(self, channel: str, media: str, wait_s: float) -> bool:
        playback = f"{self._client.app}.playback.{uuid.uuid4()}"
        with self._watch.on(playback, PlaybackFinished) as seen:
            await self._client.play(channel, playback, media)
            try:
                event = await asyncio.wait_for(seen, wait_s)
            except TimeoutError:
                return True
        return isinstance(event, PlaybackFinished) and event.state == "done"
