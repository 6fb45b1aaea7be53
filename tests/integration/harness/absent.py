"""A node in a process of its own, that can be killed or stopped while a supervisor is in a call."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from callguard.config import Config
from callguard.contracts.vocabulary import SupervisionMode
from callguard.testbed.lab.lab import Lab
from tests.integration.harness.parties import HERTZ, Parties
from tests.integration.harness.tones import Voices

ROOT = Path(__file__).parents[3]
SIGNALS = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP}


@asynccontextmanager
async def joined(
    lab: Lab, voices: Voices, config: Config, mode: SupervisionMode, extension: str
) -> AsyncIterator[tuple[Process, Parties]]:
    """A call that a supervisor joined by another process's doing; at the end the process is gone in any case."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.asterisk.harness.crashing", config.model_dump_json(), mode),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=os.environ,
    )
    assert process.stdout
    try:
        await asyncio.sleep(1.5)
        for phone, part in (("supervisor1", "supervisor"), ("agent1", "agent"), ("agent2", "colleague")):
            lab.farm.phone(phone).voice = voices.tone(HERTZ[part])
        customer = await lab.farm.phone("customer1").call(extension, voices.tone(HERTZ["customer"]))
        phones = {"customer": customer, "agent": await lab.farm.phone("agent1").answered()}
        await asyncio.wait_for(process.stdout.readuntil(b"joined\n"), 15)
        phones["supervisor"] = await lab.farm.phone("supervisor1").answered()
        nobody: Any = None
        yield process, Parties(lab, voices, nobody, nobody, phones)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
