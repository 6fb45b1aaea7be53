"""Probe ARI every few seconds, so that trouble shows before a command needs it."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from callguard.asterisk.client import HUNG_MAX_S, AriClient
from callguard.asterisk.health import Trouble

PROBE_S: Final = 2.0
LOOK_S: Final = 0.5


class Probe:
    """Probes ARI; `on_look` is called twice a second with ARI's present trouble, or None.

    Probes become rare while they hang: where ARI is locked up, each one keeps one of Asterisk's HTTP sessions for ever.
    """

    def __init__(self, ari: AriClient, on_look: Callable[[Trouble | None], None]) -> None:
        self._ari = ari
        self._on_look = on_look

    async def run(self) -> None:
        """Probe and report until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask())
            group.create_task(self._look())

    async def _ask(self) -> None:
        pause_s = PROBE_S
        while True:
            await asyncio.sleep(pause_s)
            await self._ari.probe()
            trouble = self._ari.health.trouble(time.monotonic())
            pause_s = min(2 * pause_s, HUNG_MAX_S) if trouble and trouble.kind == "hangs" else PROBE_S

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._on_look(self._ari.health.trouble(time.monotonic()))
