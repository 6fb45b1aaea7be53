"""The PBX of the demo: a real Asterisk with real SIP phones or, where none is available, the simulated PBX."""

import asyncio
import secrets
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import SAMPLE_RATE
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from callguard.testbed.lab.tones import write_wav
from callguard.testbed.simulator.director import Director
from callguard.testbed.simulator.scenario import find, load
from callguard.testbed.simulator.server import Simulator
from callguard.testbed.simulator.voice import speak

CALM_S: Final = 5.0
RAISED_S: Final = 6.0
CALMER_S: Final = 12.0
"""Seconds of calm speech after the last raised word: an alert of the shipped rules keeps firing for eight seconds."""
ANSWER_S: Final = 1.5
"""Seconds that the supervisor's phone rings."""


class Stage(Protocol):
    """A PBX with a customer, an agent and a supervisor."""

    title: str
    settings: dict[str, Any]
    """The `asterisk` section of the configuration, without secrets."""
    secrets: dict[str, str]
    """Environment variables."""

    async def perform(self) -> None:
        """Place the call; return when it has ended."""


class RealStage:
    """The lab: Asterisk as PBX, a second one as the phones."""

    def __init__(self, lab: Lab, version: str, folder: Path) -> None:
        self.title = f"a real Asterisk {version}, real SIP and RTP on loopback"
        self.settings = {"ari": {"url": lab.pbx.ari_url}, "ami": {"port": lab.pbx.ports.ami}}
        self.secrets = {"CALLGUARD_ARI_PASSWORD": lab.pbx.ari.secret, "CALLGUARD_AMI_SECRET": lab.pbx.ami.secret}
        self._lab = lab
        self._customer = write_wav(folder / "customer.wav", _customer())
        lab.farm.phone("agent1").voice = write_wav(folder / "agent.wav", _agent())
        supervisor = lab.farm.phone("supervisor1")
        supervisor.voice = write_wav(folder / "supervisor.wav", speak(20, seed=2))
        supervisor.answer_after_s = ANSWER_S

    async def perform(self) -> None:
        """The customer calls the queue, speaks, and hangs up."""
        call = await self._lab.farm.phone("customer1").call(QUEUE, self._customer)
        await asyncio.sleep(CALM_S + RAISED_S + CALMER_S)
        await call.hangup()


class SimulatedStage:
    """The simulated PBX: real ARI and real media on loopback, synthetic people."""

    def __init__(self, simulator: Simulator, password: str) -> None:
        self.title = "simulated PBX, real ARI and media on loopback"
        self.settings = {"ari": {"url": simulator.url}, "ami": {"enabled": False}}
        self.secrets = {"CALLGUARD_ARI_PASSWORD": password}
        self._simulator = simulator

    async def perform(self) -> None:
        """Play the shipped scenario."""
        path = find("angry")
        await Director(self._simulator, load(path), path.parent).finished()


@asynccontextmanager
async def real_stage(folder: Path) -> AsyncIterator[Stage]:
    """Start the lab. Raises AsteriskUnavailable."""
    from callguard.testbed.lab.root import asterisk

    installation = await asyncio.to_thread(asterisk)
    async with Lab.start(customers=1, agents=1, supervisors=1, installation=installation) as lab:
        version = await asyncio.to_thread(_version, installation.command)
        yield RealStage(lab, version, folder)


@asynccontextmanager
async def simulated_stage() -> AsyncIterator[Stage]:
    """Start the simulated PBX."""
    password = secrets.token_hex(12)
    async with Simulator(password=password) as simulator:
        yield SimulatedStage(simulator, password)


def _customer() -> NDArray[np.int16]:
    calm, raised, calmer = speak(CALM_S, seed=3), speak(RAISED_S, "raised", seed=3), speak(CALMER_S, seed=3)
    return np.concatenate([calm, raised, calmer])


def _agent() -> NDArray[np.int16]:
    """Return an agent's occasional words: an agent who talks over the customer would cause an alert too."""
    pause = np.zeros(round(9 * SAMPLE_RATE), dtype=np.int16)
    return np.concatenate([pause, speak(1.2, seed=1), pause, speak(1.2, seed=1)])


def _version(command: tuple[str, ...]) -> str:
    said = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 - the Asterisk just found
    return said.stdout.removeprefix("Asterisk").strip() or "of unknown version"
