"""Ring a supervisor's phone for a test, and play a sentence to the person who answers."""

import asyncio
import time
import uuid
from contextlib import AsyncExitStack
from typing import Final

from callguard.asterisk.errors import AriError
from callguard.asterisk.events import ChannelDestroyed, PlaybackFinished, StasisStart
from callguard.asterisk.supervision.originate import CAUSES
from callguard.config import Config
from callguard.doctor.findings import Finding
from callguard.doctor.phones import IGNORED
from callguard.doctor.probe_call import ProbeCall, placed

AREA: Final = "ring"
WAIT_S: Final = 5.0
"""Most seconds that Asterisk may take to report, and that the sentence lasts."""
PROMPT: Final = "sound:callguard/help-is-coming"
TONE: Final = "tone:1400/300,0/200,1400/300,0/200,1400/600,0/5000"
"""Played where the prompts are not installed."""
TONE_S: Final = 2.0


async def ring_test(config: Config, endpoint: str, *, timeout_s: float = 20.0) -> Finding:
    """Ring an endpoint for `timeout_s` at most, play a sentence, hang up; return the finding."""
    try:
        async with placed(config) as call, AsyncExitStack() as stack:
            return await _ring(call, stack, endpoint, timeout_s)
    except (AriError, TimeoutError) as error:
        advice = "is the phone registered? `callguard check --pbx` shows its state"
        return Finding("error", AREA, f"{endpoint} could not be rung: {error or 'no answer from Asterisk'}", advice)


async def _ring(call: ProbeCall, stack: AsyncExitStack, endpoint: str, timeout_s: float) -> Finding:
    channel, began = f"{call.client.app}-{uuid.uuid4()}", time.monotonic()
    stack.push_async_callback(call.client.hang_up, channel)
    with call.watch.on(channel, StasisStart, ChannelDestroyed) as seen:
        caller = call.config.supervision.caller_id
        await call.client.originate(
            channel, endpoint=endpoint, caller_id=caller, timeout_s=timeout_s, variables=IGNORED
        )
        event = await asyncio.wait_for(seen, timeout_s + WAIT_S)
    if isinstance(event, ChannelDestroyed):
        why = CAUSES.get(event.cause, "unreachable").replace("_", " ")
        return Finding("warning", AREA, f"{endpoint} rang and was not answered: {why}", "ring it again later")
    after_s = time.monotonic() - began
    if not await _played(call, channel, PROMPT, WAIT_S):
        await _played(call, channel, TONE, TONE_S)
    return Finding("ok", AREA, f"{endpoint} rang and was answered after {after_s:.1f} s")


async def _played(call: ProbeCall, channel: str, media: str, wait_s: float) -> bool:
    """Play for some seconds at most; return False where Asterisk does not have it."""
    playback = f"{call.client.app}.playback.{uuid.uuid4()}"
    with call.watch.on(playback, PlaybackFinished) as seen:
        await call.client.play(channel, playback, media)
        try:
            event = await asyncio.wait_for(seen, wait_s)
        except TimeoutError:
            return True
    return isinstance(event, PlaybackFinished) and event.state == "done"
