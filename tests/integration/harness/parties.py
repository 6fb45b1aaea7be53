"""A call of four: customer, agent, the agent's colleague, supervisor; each speaks a tone, and who hears whom is read
from what each phone recorded.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision.session import RingRequest
from callguard.contracts.vocabulary import SupervisionMode
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.phone import PhoneCall
from callguard.testbed.lab.tones import RATE, read_wav, tone_dbfs
from tests.asterisk.harness.node import Node, supervisor
from tests.integration.harness.tones import Voices

HERTZ = {"customer": 560, "agent": 1000, "supervisor": 1700, "colleague": 2300}
HEARD_DBFS, SILENT_DBFS = -30.0, -50.0
"""Voices are at -15 dBFS; gaps that a busy machine leaves in one tone spread to others below -50 dBFS."""
FRAME_DBFS = -40.0
"""One frame of 20 ms at -15 dBFS in a window of 40 ms is above -27 dBFS; a click of hold music is below -45 dBFS."""
ALONE_S = 5.0
"""Seconds within which everybody else of a call that is over has hung up."""
Stretches = dict[str, tuple[float, float]]

WHO_HEARS_WHOM: dict[SupervisionMode, dict[str, set[str]]] = {
    "listen": {"customer": {"agent"}, "agent": {"customer"}, "supervisor": {"customer", "agent"}},
    "whisper": {"customer": {"agent"}, "agent": {"customer", "supervisor"}, "supervisor": {"customer", "agent"}},
    "barge": {
        "customer": {"agent", "supervisor"},
        "agent": {"customer", "supervisor"},
        "supervisor": {"customer", "agent"},
    },
}
"""Once customer and agent are together."""


@dataclass
class Parties:
    """The phones by part; `call` is as it was at the start."""

    lab: Lab
    voices: Voices
    running: Node
    call: Call
    phones: dict[str, PhoneCall] = field(default_factory=dict)

    async def join(self, mode: SupervisionMode) -> PhoneCall:
        """A supervisor is rung, answers and joins."""
        phone = self.lab.farm.phone("supervisor1")
        phone.voice = self.voices.tone(HERTZ["supervisor"])
        await self.running.app.supervision.ring(RingRequest(call=self.call.id, supervisors=(supervisor(1),), mode=mode))
        self.phones["supervisor"] = await phone.answered()
        return self.phones["supervisor"]

    async def answered(self) -> PhoneCall:
        """Wait until the colleague's phone has answered."""
        self.phones["colleague"] = await self.lab.farm.phone("agent2").answered()
        return self.phones["colleague"]

    async def consult(self) -> PhoneCall:
        """The agent keys an attended transfer; the colleague answers."""
        await self.phones["agent"].dtmf("*2202")
        return await self.answered()

    async def listen_for(self, seconds: float = 0.6) -> Stretches:
        """Let everybody speak; return the stretch of each recording, without its first 0.4 s of settling."""
        await asyncio.sleep(0.4)
        begin = {name: phone.elapsed for name, phone in self.phones.items()}
        await asyncio.sleep(seconds)
        return {name: (start, self.phones[name].elapsed) for name, start in begin.items()}

    async def hang_up(self, *who: str) -> None:
        """Some hang up, the customer unless named; return when every phone's recording is complete."""
        for name in who or ("customer",):
            await self.phones[name].hangup()
        await self._end_alone()
        for name in self.phones:
            await self.phones[name].heard()

    async def _end_alone(self) -> None:
        """Have an agent or a colleague hang up whom a transfer that ended at the same moment left alone on the line.

        A supervisor is never hung up here: that CallGuard lets them go is what tests show.
        """
        alone = [phone for name, phone in self.phones.items() if name in ("agent", "colleague")]
        ends = [asyncio.create_task(phone.ended.wait()) for phone in alone]
        if ends:
            await asyncio.wait(ends, timeout=ALONE_S)
        for phone, end in zip(alone, ends, strict=True):
            end.cancel()
            if not phone.ended.is_set():
                await phone.hangup()

    async def heard(self, listener: str, stretches: Stretches) -> set[str]:
        """Who was heard by a phone in a stretch. Raises AssertionError when it can't be told."""
        recording = await self.phones[listener].heard()
        levels = {name: tone_dbfs(recording, hertz, *stretches[listener]) for name, hertz in HERTZ.items()}
        assert all(level > HEARD_DBFS or level < SILENT_DBFS for level in levels.values()), (listener, levels)
        return {name for name, level in levels.items() if level > HEARD_DBFS}


async def gather(lab: Lab, voices: Voices, running: Node, extension: str) -> Parties:
    """The customer calls, the agent answers, both are tapped; the colleague waits to be rung."""
    lab.farm.phone("agent1").voice = voices.tone(HERTZ["agent"])
    lab.farm.phone("agent2").voice = voices.tone(HERTZ["colleague"])
    customer = await lab.farm.phone("customer1").call(extension, voices.tone(HERTZ["customer"]))
    agent = await lab.farm.phone("agent1").answered()
    call = await running.tapped_call()
    return Parties(lab, voices, running, call, {"customer": customer, "agent": agent})


def frames_with(recording: Path, speaker: str) -> list[float]:
    """Seconds at which a speaker's tone is in a recording, be it for one frame: windows of 40 ms, each 10 ms."""
    samples = read_wav(recording).astype(float)
    width = RATE // 25
    windows = np.lib.stride_tricks.sliding_window_view(samples, width)[:: RATE // 100]
    shape = np.hanning(width)
    wave = np.exp(-2j * np.pi * HERTZ[speaker] / RATE * np.arange(width))
    peak = 2 * np.abs(windows @ (wave * shape)) / shape.sum()
    loud = 20 * np.log10(peak / 32767 + 1e-9) > FRAME_DBFS
    return [round(int(n) / 100, 2) for n in np.flatnonzero(loud)]
