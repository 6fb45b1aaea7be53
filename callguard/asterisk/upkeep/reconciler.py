"""Keeps our objects in Asterisk as they should be: compares them at each change, every few seconds, after every gap.

The maker of an object holds it first and removes it in the end. From then on this module sees to its end, until
Asterisk has said that it is gone.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError, NotFoundError
from callguard.asterisk.events import AriEvent, Bridge, Channel, ChannelDestroyed
from callguard.asterisk.names import SUPERVISOR, kind_of
from callguard.asterisk.upkeep.holdings import Holdings, Orphan, is_party, members_elsewhere, orphan
from callguard.asterisk.upkeep.leases import Leases
from callguard.asterisk.upkeep.removal import HangUp, Removal, Remover, all_within
from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

SESSION_VARIABLE: Final = "CALLGUARD_SESSION"
"""Variable on a supervisor's channel: the call's id, a space, the supervisor's name."""
COMPARE_S: Final = 5.0
"""Seconds between two comparisons; benchmarks/upkeep.py prints the cost of one."""
OVERDUE_S: Final = 3.0
"""Seconds after which the removal of a channel that a person hears or speaks through is overdue."""
LOOK_S: Final = 0.5
CLOSE_S: Final = 2.0
"""Seconds for the last removals at the stop; after them the leases end the rest."""
HEARD: Final = (SUPERVISOR, "ear", "voice")
"""Kinds of channels that a person hears or speaks through."""

Seen = Callable[[Sequence[Channel], Sequence[Bridge], float], None]
"""Called with all channels and bridges, and the time of the request (monotonic clock)."""


class Reconciler:
    """This node's objects in one Asterisk. `hang_up` is the manager interface's, None where it is not used.

    `on_seen` is called with each list of existing objects; `on_overdue` with True while a person who must not hear
    can't be cut off, with False once they are.
    """

    def __init__(
        self,
        ari: AriClient,
        hang_up: HangUp | None = None,
        *,
        on_seen: Seen = lambda channels, bridges, asked_at: None,
        on_overdue: Callable[[bool], None] = lambda overdue: None,
    ) -> None:
        self._ari = ari
        self._on_seen = on_seen
        self._on_overdue = on_overdue
        self._holdings = Holdings(ari.app)
        self._ended: set[str] = set()
        """Channels that Asterisk has ended and whose makers have not requested their removal yet."""
        self._remover = Remover(ari, hang_up)
        self.leases = Leases(ari)

    # --- requests of makers ---

    def __contains__(self, object_id: str) -> bool:
        """Return whether an object is held, even if Asterisk has ended it meanwhile."""
        return object_id in self._holdings or object_id in self._ended

    def hold(self, *ids: str) -> None:
        """Hold objects. Call it before their creation is requested."""
        self._holdings.hold(*ids)

    def let_go(self, channel: str) -> None:
        """Hold a channel no longer, and leave it alone: for example a supervisor who is a party of the call now."""
        self._holdings.let_go(channel)
        self._ended.discard(channel)
        self.leases.drop(channel)

    def remove(self, object_id: str) -> Removal:
        """Remove an object, ours or one that is to leave its call; keep trying until it is gone. Returns at once.

        The removal of an object that Asterisk has ended is complete at once, without a request.
        """
        ended = object_id in self._ended
        self.let_go(object_id)
        return Removal.of_ended(object_id) if ended else self._remover.remove(object_id)

    def abandon(self, channel: str) -> None:
        """Stop removing a channel: one that is not ours may be in another call by now."""
        self._remover.abandon(channel)

    def remove_all(self, ids: Iterable[str]) -> list[Removal]:
        """Start the removal of objects."""
        return [self.remove(each) for each in ids]

    @property
    def under_way(self) -> Mapping[str, Removal]:
        """Removals that are not proved yet, by id."""
        return self._remover.under_way

    # --- inputs ---

    def see(self, event: AriEvent) -> None:
        """Take in an event: an end proves a removal; a new channel of ours that is not held is removed."""
        self._remover.see(event)
        if isinstance(event, ChannelDestroyed):
            self._take_end(event.subject)
        if stray := self._holdings.stray(event):
            log.warning("stray_channel", channel=stray)
            self.remove(stray)

    def _take_end(self, channel: str) -> None:
        self.leases.drop(channel)
        if channel in self._holdings:
            self._holdings.let_go(channel)
            self._ended.add(channel)

    def compare(self, channels: Sequence[Channel], bridges: Sequence[Bridge], asked_at: float) -> list[Removal]:
        """Remove our objects that are not held; note absent ones as gone. Return the removals that began."""
        self._remover.saw({each.id for each in channels} | {each.id for each in bridges}, asked_at)
        surplus = [each for each in self._holdings.surplus(channels, bridges) if each not in self.under_way]
        if surplus:
            log.warning("surplus_found", objects=surplus)
        return self.remove_all(surplus)

    async def orphans(self, channels: Sequence[Channel], bridges: Sequence[Bridge]) -> list[Orphan]:
        """Return the supervisors whom an earlier run left, before they are removed. Raises AriError."""
        parties = members_elsewhere(self._ari.app, bridges)
        left = [
            channel.id
            for channel in channels
            if kind_of(self._ari.app, channel.id) == SUPERVISOR
            and channel.id not in self._holdings
            and not is_party(self._ari.app, channel, parties)
        ]
        notes = await asyncio.gather(*map(self._note, left))
        found = (orphan(self._ari.app, channel, note, bridges) for channel, note in zip(left, notes, strict=True))
        return [each for each in found if each]

    async def _note(self, channel: str) -> str:
        try:
            return await self._ari.variable(channel, SESSION_VARIABLE)
        except NotFoundError:
            return ""

    # --- background ---

    async def run(self) -> None:
        """Renew leases, compare, and report overdue removals, until cancelled."""
        work = (self.leases.run(), self._keep_comparing(), self._watch())
        tasks = [asyncio.create_task(each) for each in work]
        try:
            await asyncio.gather(*tasks)
        finally:
            await end(*tasks)

    async def close(self, within_s: float = CLOSE_S) -> None:
        """Wait for the last removals, for a limited time."""
        removals = list(self.under_way.values())
        if not await all_within(removals, within_s):
            left = [each.id for each in removals if not each.proved]
            log.error("left_behind", objects=left, why="Asterisk did not say that they are gone; leases end people's")
        await self._remover.close()

    async def _keep_comparing(self) -> None:
        while True:
            await asyncio.sleep(COMPARE_S)
            asked_at = time.monotonic()
            try:
                channels, bridges = await asyncio.gather(self._ari.channels(), self._ari.bridges())
            except AriError as error:
                log.info("not_compared", error=str(error))
            else:
                self.compare(channels, bridges, asked_at)
                self._on_seen(channels, bridges, asked_at)

    async def _watch(self) -> None:
        while True:
            self._on_overdue(self._is_overdue(time.monotonic()))
            await asyncio.sleep(LOOK_S)

    def _is_overdue(self, now: float) -> bool:
        late = (each.id for each in self.under_way.values() if now - each.since > OVERDUE_S)
        return any(kind_of(self._ari.app, each) in HEARD for each in late)
