"""Track supervisors' phones by Asterisk's device states: free, busy or out of reach.

The states are read, not subscribed to. With a `deviceState:` source, for one phone or all, a socket that closes while a
phone changes state can lock up ARI. With an `endpoint:` source each key press would arrive twice. Channel events, which
arrive anyway, tell when a phone's use may have changed. The next reading of all states shows a new registration.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError, NotFoundError
from callguard.asterisk.events import AriEvent, ChannelEvent
from callguard.asterisk.names import device_of
from callguard.config import SupervisorConfig
from callguard.contracts.events import Away
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)

SETTLE_S: Final = 0.1
"""Seconds from a channel's event to the reading of its device state; Asterisk 22.10 needed at most 10 ms."""
READ_S: Final = 5.0
"""Seconds between two readings of all states."""
AWAY: Final[Mapping[str, Away]] = {
    **dict.fromkeys(("INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"), "busy"),
    **dict.fromkeys(("UNAVAILABLE", "INVALID"), "unreachable"),
}
"""States of phones that can't be rung; every other state, UNKNOWN too, allows ringing."""


class Devices:
    """Reports each change by `tell` (supervisor's name, reason for absence or None); at first all phones are free."""

    def __init__(self, ari: AriClient, tell: Callable[[str, Away | None], None]) -> None:
        self._ari = ari
        self._tell = tell
        self._owners: dict[str, list[str]] = {}
        self._away: dict[str, Away] = {}
        self._due: set[str] = set()
        self._wake = asyncio.Event()
        """Set while a reading is due."""

    def watch(self, supervisors: Iterable[SupervisorConfig]) -> None:
        """Watch the phones of these supervisors only."""
        self._owners = {}
        for supervisor in supervisors:
            if device := device_of(supervisor.endpoint):
                self._owners.setdefault(device, []).append(supervisor.name)
        owned = {name: device for device, names in self._owners.items() for name in names}
        for name in list(self._away):
            if name not in owned:
                self._set(name, None)
        self._ask(self._owners)

    def see(self, event: AriEvent) -> None:
        """Take in an ARI event: a watched phone's channel appeared, changed or ended."""
        if isinstance(event, ChannelEvent):
            device = event.channel.name.rpartition("-")[0]
            if device in self._owners:
                self._ask([device])

    async def run(self) -> None:
        """Read states until cancelled: those of active phones soon, and all of them at intervals."""
        while True:
            try:
                await within(self._wake.wait(), READ_S)
                await asyncio.sleep(SETTLE_S)
            except TimeoutError:
                self._ask(self._owners)
            await self._read_due()

    async def refresh(self) -> None:
        """Read all states now, since the known ones may be out of date."""
        self._ask(self._owners)
        await self._read_due()

    def _ask(self, devices: Iterable[str]) -> None:
        self._due.update(devices)
        if self._due:
            self._wake.set()

    async def _read_due(self) -> None:
        self._wake.clear()
        due, self._due = self._due, set()
        await asyncio.gather(*(self._read(device) for device in sorted(due)))

    async def _read(self, device: str) -> None:
        try:
            state = await self._ari.device_state(device)
        except NotFoundError:
            state = "UNKNOWN"  # this Asterisk shows no device states
        except AriError as error:
            log.warning("device_state_not_read", device=device, error=str(error))
            return
        for name in self._owners.get(device, ()):
            self._set(name, AWAY.get(state))

    def _set(self, name: str, away: Away | None) -> None:
        if self._away.get(name) == away:
            return
        if away is None:
            del self._away[name]
        else:
            self._away[name] = away
        log.info("supervisor_phone", supervisor=name, state=away or "free")
        self._tell(name, away)
