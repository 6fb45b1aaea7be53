"""Place the self-test call: three parties of CallGuard's own on the real Asterisk, without a phone or a customer.

Customer and agent talk in one bridge, a supervisor whispers to the agent as in a real call, and both legs are tapped as
in a real call. Each party sends its own tone, so the tones in each party's audio prove which parties it hears. The call
runs under a separate Stasis application and removes all its objects.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from callguard.asterisk.errors import AriError
from callguard.config import Config
from callguard.doctor.checks import check_channelvars
from callguard.doctor.findings import Finding
from callguard.doctor.probe_call import ProbeCall, placed
from callguard.testbed.party import Party, tone_share

CUSTOMER_HZ: Final = 440.0
AGENT_HZ: Final = 940.0
SUPERVISOR_HZ: Final = 1710.0
SETTLE_S: Final = 0.6
LISTEN_S: Final = 1.5
PRESENT: Final = 0.1
"""Least share of the energy of an audible tone, even beside another."""
TapPath = Literal["audiosocket", "external_media"]
NO_MEDIA: Final[Mapping[TapPath, str]] = {
    "audiosocket": "#include extensions_callguard.conf in the dialplan and load app_audiosocket.so, or set media.tap to"
    " external_media",
    "external_media": "does Asterisk's RTP (UDP) reach media.listen?",
}
"""The remedy where no media came, by the path."""
ABSENT: Final = 0.001
"""Share of the energy (30 dB down) below which a tone is inaudible."""


async def self_test(config: Config) -> list[Finding]:
    """Place the self-test call; return its findings."""
    try:
        async with asyncio.timeout(30), placed(config) as call:
            return await _run(call)
    except (AriError, TimeoutError, ValueError) as error:
        why = str(error) or "Asterisk did not answer in time"
        return [Finding("error", "selftest", f"the self-test call could not be placed: {why}")]


async def _run(call: ProbeCall) -> list[Finding]:
    async with AsyncExitStack() as stack:
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
            taps = [group.create_task(call.tapped(channels[n], LISTEN_S)) for n in (0, 1)]
            group.create_task(asyncio.sleep(LISTEN_S))
        heard = {party.name: party.heard() for party in (customer, agent, supervisor)}
        settings = await check_channelvars(call.client)
        path = call.config.media.tap
        return [*settings, *_judge_phones(heard), *_judge_taps(taps[0].result(), taps[1].result(), path)]


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


def _judge_taps(
    customer: NDArray[np.int16] | None, agent: NDArray[np.int16] | None, path: TapPath = "audiosocket"
) -> list[Finding]:
    findings = []
    taps = (("customer", customer, CUSTOMER_HZ, AGENT_HZ), ("agent", agent, AGENT_HZ, CUSTOMER_HZ))
    for name, samples, own, other in taps:
        if samples is None:
            findings.append(_no_tap(name, path))
            continue
        findings.append(_finding(f"the tap of the {name} carries the {name}", samples, own, True))
        findings.append(_finding(f"the tap of the {name} carries no other party", samples, other, False))
    return findings


def _no_tap(name: str, path: TapPath) -> Finding:
    return Finding("error", "media", f"no media came from the tap of the {name} ({path})", NO_MEDIA[path])


def _finding(text: str, samples: NDArray[np.int16], hertz: float, audible: bool) -> Finding:
    share = tone_share(samples, hertz)
    proved = len(samples) > 0 and (share >= PRESENT if audible else share < ABSENT)
    detail = f"{text} (tone share {share:.4f}, {len(samples) / 8000:.1f} s heard)"
    return Finding("ok" if proved else "error", "selftest", detail if proved else f"NOT proved: {detail}")
