"""Ring real phones, and have their users, or the phones themselves, say what was heard.

The self-test's own parties take RTP as it comes. A phone may not: it decodes in its own way, and some phones stay deaf
after a jump of SSRC and sequence. One phone takes the agent's part, with a customer and a whispering supervisor who are
tones. Two phones are joined as a Dial joins them, outside Asterisk's core where it does that, and then tapped.

A user keys 1 for heard, 2 for not heard. A phone that sends back what it plays has heard a tone too.
"""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from callguard.asterisk.errors import AriError
from callguard.asterisk.events import AriEvent, ChannelDestroyed, ChannelDtmfReceived, PlaybackFinished, StasisStart
from callguard.asterisk.native_rtp import WAIT_S as FIRST_TAP_S
from callguard.config import Config
from callguard.doctor.findings import Finding
from callguard.doctor.probe_call import ProbeCall, placed
from callguard.doctor.selftest import CUSTOMER_HZ, PRESENT, SUPERVISOR_HZ
from callguard.testbed.party import Party, tone_share

AREA: Final = "phone"
MOST: Final = 2
"""Phones of one test."""
RING_S: Final = 30.0
SPOKEN_S: Final = 15.0
"""Most seconds of a spoken question."""
KEY_S: Final = 20.0
"""Seconds that a user has to press a key."""
ECHO_S: Final = 1.0
"""Seconds of a phone's own audio in which a tone that it sends back is looked for."""
HEARD, NOT_HEARD = "1", "2"
IGNORED: Final = {"CALLGUARD_ROLE": "ignore"}
"""So that a service that runs meanwhile takes the phones for no call."""
OPUS: Final = "if the phone speaks Opus: in stereo a whisper silences it; stereo=0 at the phone, or another codec"
NATIVE: Final = "native_rtp"
"""Technology of a bridge outside Asterisk's core."""


class NoAnswerError(Exception):
    """A phone did not answer."""


@dataclass(frozen=True, slots=True)
class Handset:
    """A phone that answered, by its endpoint and its channel's id."""

    endpoint: str
    channel: str


async def try_phones(config: Config, endpoints: Sequence[str]) -> list[Finding]:
    """Ring one phone or two, and test them; return the findings."""
    try:
        async with placed(config) as call, AsyncExitStack() as stack:
            rings = [_ring(call, stack, endpoint) for endpoint in endpoints]
            phones = await asyncio.gather(*rings)
            return await (_alone(call, stack, phones[0]) if len(phones) == 1 else _joined(call, stack, phones))
    except NoAnswerError as error:
        return [
            Finding("error", AREA, str(error), "is it registered, and is its name as `pjsip show endpoints` has it?")
        ]
    except (AriError, TimeoutError) as error:
        return [Finding("error", AREA, f"the test could not be made: {error or 'Asterisk did not answer in time'}")]


async def _ring(call: ProbeCall, stack: AsyncExitStack, endpoint: str) -> Handset:
    channel = f"{call.client.app}-phone-{uuid.uuid4()}"
    stack.push_async_callback(call.client.hang_up, channel)
    with call.watch.on(channel, StasisStart, ChannelDestroyed) as seen:
        caller = call.config.supervision.caller_id
        try:
            await call.client.originate(
                channel, endpoint=endpoint, caller_id=caller, timeout_s=RING_S, variables=IGNORED
            )
        except AriError as error:
            raise NoAnswerError(f"{endpoint} can't be rung: {error}") from error
        event = await asyncio.wait_for(seen, RING_S + 5)
    if isinstance(event, ChannelDestroyed):
        raise NoAnswerError(f"{endpoint} did not answer in {RING_S:g} s, or was busy (cause {event.cause})")
    return Handset(endpoint, channel)


async def _alone(call: ProbeCall, stack: AsyncExitStack, phone: Handset) -> list[Finding]:
    """Have one phone take the agent's part."""
    host = call.config.media.listen
    customer = await stack.enter_async_context(Party("customer", CUSTOMER_HZ, host))
    supervisor = await stack.enter_async_context(Party("supervisor", SUPERVISOR_HZ, host))
    channels = [await call.join(stack, party) for party in (customer, supervisor)]
    talk, room = await call.bridge(stack), await call.bridge(stack)
    await call.client.add_to_bridge(talk, channels[0], phone.channel)
    found = [await _ask(call, phone, "test-tone", CUSTOMER_HZ, "the customer")]
    ear = await call.snoop(stack, phone.channel, spy="both", whisper="out")
    await call.client.add_to_bridge(room, channels[1], ear)
    found.append(await _ask(call, phone, "test-whisper", SUPERVISOR_HZ, "a whisper beside the customer"))
    customer.forget()
    await asyncio.sleep(ECHO_S)
    if tone_share(customer.heard(), CUSTOMER_HZ) < PRESENT:  # a phone that echoes returns the whisper too
        leak = tone_share(customer.heard(), SUPERVISOR_HZ) >= PRESENT
        text = "the whisper comes back from the phone, so that the customer hears it"
        found += [Finding("error", AREA, f"{phone.endpoint}: {text}", "turn its loudspeaker down")] if leak else []
    return found


async def _joined(call: ProbeCall, stack: AsyncExitStack, phones: Sequence[Handset]) -> list[Finding]:
    """Join two phones as a Dial does, and tap both as `run` does."""
    await asyncio.gather(*(_say(call, phone, "test-talk") for phone in phones))
    talk = await call.bridge(stack, "mixing")
    await call.client.add_to_bridge(talk, *(phone.channel for phone in phones))
    delay_s = call.config.media.first_tap_delay_s
    await asyncio.sleep(FIRST_TAP_S if delay_s is None else delay_s)
    how = (await call.client.request("GET", f"/bridges/{talk}")).get("technology", "")
    for phone in phones:
        await call.snoop(stack, phone.channel, spy="in", whisper="none")
    answers = await asyncio.gather(*(_answer(call, phone, None) for phone in phones))
    found = [_judged(phone, "the other phone", answer) for phone, answer in zip(phones, answers, strict=True)]
    return [*found, _meaning(how, all(finding.level == "ok" for finding in found))]


def _meaning(technology: str, heard: bool) -> Finding:
    if technology != NATIVE:
        return Finding("ok", AREA, f"Asterisk joined both in its core ({technology}): a tap makes no RTP jump")
    if not heard:
        advice = "modules.conf: noload => bridge_native_rtp.so"
        return Finding("error", AREA, "a tap deafens these phones while bridge_native_rtp is loaded", advice)
    advice = "if all your kinds of phones pass: asterisk.native_rtp_confirmed: true"
    return Finding("ok", AREA, "both phones bore a tap although bridge_native_rtp had joined them", advice)


async def _ask(call: ProbeCall, phone: Handset, question: str, hertz: float, what: str) -> Finding:
    await _say(call, phone, question)
    return _judged(phone, what, await _answer(call, phone, hertz), OPUS)


async def _say(call: ProbeCall, phone: Handset, prompt: str) -> None:
    """Play a spoken question. Without the prompts on the PBX the user goes by the command's own words."""
    playback = str(uuid.uuid4())
    with call.watch.on(playback, PlaybackFinished) as finished:
        await call.client.play(phone.channel, playback, f"sound:callguard/{prompt}")
        await asyncio.wait((finished,), timeout=SPOKEN_S)
    await call.client.stop_playback(playback)  # until its end Asterisk does nothing else with the channel


async def _answer(call: ProbeCall, phone: Handset, hertz: float | None) -> str | None:
    """Return HEARD or NOT_HEARD, by key or by a tone that the phone sends back; None where neither came."""
    deadline = asyncio.get_running_loop().time() + KEY_S
    echo = asyncio.create_task(_echoed(call, phone, hertz))
    try:
        while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
            with call.watch.on(phone.channel, ChannelDtmfReceived, ChannelDestroyed) as keyed:
                waits: set[asyncio.Future[AriEvent] | asyncio.Task[None]] = {keyed, echo}
                await asyncio.wait(waits, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
                event = keyed.result() if keyed.done() else None
            if isinstance(event, ChannelDestroyed):
                return None
            if isinstance(event, ChannelDtmfReceived) and event.digit in (HEARD, NOT_HEARD):
                return event.digit
            if echo.done():
                return HEARD
    finally:
        echo.cancel()
    return None


async def _echoed(call: ProbeCall, phone: Handset, hertz: float | None) -> None:
    """Return once the phone's own audio holds a tone, and never where there is no tone to look for."""
    while hertz is not None:
        samples = await call.tapped(phone.channel, ECHO_S)
        if samples is not None and tone_share(samples, hertz) >= PRESENT:
            return
    await asyncio.Event().wait()


def _judged(phone: Handset, what: str, answer: str | None, advice: str = "") -> Finding:
    if answer == HEARD:
        return Finding("ok", AREA, f"{phone.endpoint} hears {what}")
    if answer == NOT_HEARD:
        return Finding("error", AREA, f"{phone.endpoint} does NOT hear {what}, its user says", advice)
    text = f"{phone.endpoint}: nobody pressed 1 or 2 in {KEY_S:g} s to say whether they hear {what}; it may be deaf"
    return Finding("error", AREA, text, advice)
