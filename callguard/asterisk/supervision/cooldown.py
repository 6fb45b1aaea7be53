"""Pauses an agent in the queue after a take-over relieved them of a call.

Asterisk keeps the pause, and this module ends it. After a crash or a lost connection a pause is found again by its
reason and lasts for the rest of its time.
"""

import asyncio
import time
from typing import Final

import structlog

from callguard.asterisk.ami import AmiClient, AmiError

log = structlog.get_logger(__name__)

REASON: Final = "CallGuard cool-down"


class Cooldowns:
    """Pauses queue members for `length_s` seconds; 0: never."""

    def __init__(self, ami: AmiClient, length_s: float) -> None:
        self._ami = ami
        self.length_s = length_s
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, interface: str) -> None:
        """Pause a member; a second call starts the pause's length anew."""
        if self.length_s <= 0:
            return
        earlier = self._running.pop(interface, None)
        if earlier:
            earlier.cancel()
        self._running[interface] = asyncio.create_task(self._cool_down(interface))

    async def resume(self) -> None:
        """End left-over pauses with our reason in time: each lasts `length_s` seconds from its start."""
        try:
            paused = await self._ami.paused()
        except AmiError as error:
            log.warning("cool_downs_not_resumed", error=str(error))
            return
        for member in paused:
            if member.reason == REASON and member.interface not in self._running:
                left_s = min(max(0.0, member.since + self.length_s - time.time()), self.length_s)
                log.info("cool_down_resumed", interface=member.interface, left_s=round(left_s))
                self._running[member.interface] = asyncio.create_task(self._end_after(member.interface, left_s))

    async def close(self) -> None:
        """Unpause all members: nobody would do it after us."""
        interfaces = list(self._running)
        for task in self._running.values():
            task.cancel()
        self._running.clear()
        await asyncio.gather(*(self._pause(interface, paused=False) for interface in interfaces))

    async def _cool_down(self, interface: str) -> None:
        await self._pause(interface, paused=True)
        await self._end_after(interface, self.length_s)

    async def _end_after(self, interface: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._pause(interface, paused=False)
        del self._running[interface]

    async def _pause(self, interface: str, *, paused: bool) -> None:
        try:
            await self._ami.pause(interface, paused=paused, reason=REASON)
        except AmiError as error:
            log.warning("queue_pause_failed", interface=interface, paused=paused, error=str(error))
