"""Know people by the names that queues and the configuration give them, instead of by their phones.

A queue's own word about a call it connects (AgentConnect) is the strongest and does not come by this way. The names
here serve all other cases: after a restart, after a transfer or take-over, for calls without a queue.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

import structlog

from callguard.config import Roles, SupervisorConfig

log = structlog.get_logger(__name__)

REFRESH_S: Final = 60.0
"""Seconds between two readings of the queues: members log in and out."""


class Member(NamedTuple):
    """One queue's member: the interface that the queue rings, the phone whose state it watches, and the name."""

    interface: str
    phone: str
    name: str


class Roster(NamedTuple):
    """All queues of the PBX, and their members."""

    queues: frozenset[str]
    members: tuple[Member, ...]


class Pbx(Protocol):
    """What gives the roster."""

    async def roster(self) -> Roster | None:
        """Return the roster; None where it can't be read now."""


class People:
    """Names by phone.

    Args:
        pbx: gives queues and members.
        roles, supervisors: as configured.
        on_change: called after names became known or others.
    """

    def __init__(
        self, pbx: Pbx, roles: Roles, supervisors: Iterable[SupervisorConfig], on_change: Callable[[], None]
    ) -> None:
        self._pbx = pbx
        self._on_change = on_change
        self._members: Mapping[str, str] = {}
        self.apply(roles, supervisors)
        self.queues: frozenset[str] = frozenset()
        """The PBX's queues as last read."""

    @property
    def names(self) -> set[str]:
        """The names of queue members, and the configured ones of others."""
        return {*self._members.values(), *self._others.values()}

    def of(self, phone: str) -> str:
        """Return the name of whom a phone's endpoint belongs to; the endpoint where nobody gives a name."""
        key = phone.casefold()
        return self._supervisors.get(key) or self._members.get(key) or self._others.get(key) or phone

    def apply(self, roles: Roles, supervisors: Iterable[SupervisorConfig]) -> None:
        """Put other supervisors and names in force."""
        self._others: Mapping[str, str] = {phone.casefold(): name for phone, name in roles.names.items()}
        self._supervisors: Mapping[str, str] = {each.endpoint.casefold(): each.name for each in supervisors}

    async def run(self) -> None:
        """Read the queues again and again, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_S)

    async def refresh(self) -> bool:
        """Read queues and members now; return whether the PBX told them."""
        roster = await self._pbx.roster()
        if roster is None:
            return False
        self.queues = roster.queues
        names = dict(_names(roster.members))
        if names != self._members:
            self._members = names
            log.info("people_known", queues=len(roster.queues), names=len(names))
            self._on_change()
        return True


def _names(members: Iterable[Member]) -> Iterable[tuple[str, str]]:
    """Yield each phone of a member with a name of their own; Asterisk repeats the interface where none is given."""
    for member in members:
        if member.name and member.name not in (member.interface, member.phone):
            yield from ((phone.casefold(), member.name) for phone in (member.interface, member.phone) if phone)
