"""Run a `callguard` process for a benchmark: start, signal and end it; read its log, readiness and events."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError

from benchmarks.soak_figures import children
from callguard.bus.keys import EVENT_FIELD, Keys
from callguard.bus.streams import read_after

KEYS: Final = Keys()
UP_S: Final = 60.0
END_S: Final = 40.0
"""Seconds after which a process is killed that does not end on request."""
_AGAIN_S: Final = 0.2


class Program:
    """One `callguard` command as a process of its own; its output goes to `log`."""

    def __init__(self, log: Path, environment: Mapping[str, str], *arguments: str) -> None:
        self.log = log
        self._environment = environment
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process, also again."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "callguard", *self._arguments), stdout=log, stderr=log,
                env={**os.environ, **self._environment},
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Return the process id; raise RuntimeError before the first start."""
        if self._process is None:
            raise RuntimeError("it was never started")
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Return the exit status; None while the process runs."""
        return self._process.returncode if self._process else None

    @property
    def workers(self) -> list[int]:
        """Return the ids of its child processes."""
        return children(self.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process runs."""
        if self._process and self._process.returncode is None:
            self._process.send_signal(number)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Signal the process and wait for its end; kill it after END_S."""
        self.send(how)
        if self._process:
            try:
                await asyncio.wait_for(self._process.wait(), END_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def over(self) -> None:
        """Wait until it has ended by itself."""
        if self._process:
            await self._process.wait()

    def complaints(self) -> Counter[str]:
        """Count the warnings and errors in its log by event and reason; needs logging.json_lines."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return Counter(_complaint(json.loads(line)) if line.startswith("{") else line for line in lines)


def _complaint(line: dict[str, Any]) -> str:
    return " ".join(
        str(line[key]) for key in ("event", "part", "action", "reason", "error", "exception") if key in line
    )


async def ready(http: aiohttp.ClientSession, port: int) -> bool:
    """Return whether a node's console reports that calls can be heard."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    return False


async def until_ready(http: aiohttp.ClientSession, port: int, program: Program) -> None:
    """Wait until a node is ready; raise SystemExit with its log after UP_S."""
    deadline = time.monotonic() + UP_S
    while not await ready(http, port):
        if time.monotonic() > deadline:
            raise SystemExit(f"the service is not up after {UP_S:g} s:\n{program.log.read_text()}")
        await asyncio.sleep(_AGAIN_S)


async def follow(redis: Redis, take: Callable[[dict[str, Any]], None]) -> None:
    """Pass every event of the stream to `take`, in order, until cancelled; wait while Redis is away."""
    position = "0-0"
    while True:
        try:
            for entry in await read_after(redis, KEYS.events, position, block_ms=1000):
                position = entry.id
                take(json.loads(entry.fields[EVENT_FIELD]))
        except (RedisError, OSError):
            await asyncio.sleep(_AGAIN_S)
