"""A call under the service's eyes, its phones, and what they heard, frame by frame."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.phone import PhoneCall
from callguard.testbed.lab.tones import read_wav
from tests.integration.harness.service import Service

FRAME_S = 0.02
SOUND_RMS = 0.001
"""-60 dBFS: G.711's own noise in silence lies below."""


@dataclass
class Scene:
    """A tapped call; `id` is its linkedid."""

    service: Service
    id: str
    customer: PhoneCall
    agent: PhoneCall

    async def ask(self, action: str, **fields: Any) -> dict[str, Any]:
        """Send a command about this call; it must succeed."""
        answer = await self.service.command(action, call=self.id, **fields)
        assert answer["ok"], answer
        return answer

    async def hang_up(self) -> None:
        """The customer hangs up, and the service sees the call end."""
        await self.customer.hangup()
        await self.service.wait_for("call.ended", call=self.id)


async def converse(
    lab: Lab, service: Service, extension: str = "201", *, customer: Path | None = None, agent: Path | None = None
) -> Scene:
    """customer1 calls, agent1 answers, both legs are tapped. Phones without a voice are silent."""
    since = len(await service.read())
    lab.farm.phone("agent1").voice = agent
    calling = await lab.farm.phone("customer1").call(extension, customer)
    answered = await lab.farm.phone("agent1").answered()
    await service.wait_for("tap.opened", since=since, leg="agent")
    opened = await service.wait_for("tap.opened", since=since, leg="customer")
    return Scene(service, opened["subject"], calling, answered)


async def sounds(phone: PhoneCall) -> list[float]:
    """Seconds of a finished call at which this phone heard anything: the begin of each frame of 20 ms."""
    samples = read_wav(await phone.heard()).astype(float)
    width = round(FRAME_S * 8000)
    frames = samples[: len(samples) // width * width].reshape(-1, width)
    rms = np.sqrt(np.mean(frames**2, axis=1)) / 32768
    return [round(int(n) * FRAME_S, 2) for n in np.flatnonzero(rms > SOUND_RMS)]
