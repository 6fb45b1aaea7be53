"""Removes channels and bridges until Asterisk has said that they are gone.

Each removal is tried by ARI. If ARI gives no proof in `HEDGE_S`, or refuses, the manager interface hangs the channel up
as well. Both are repeated, with growing pauses, for ever. Proof is a ChannelDestroyed event, an answer that there is no
such channel, or the channel's absence from a list of all channels that was requested afterwards.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import chain, repeat
from typing import Final, Self

import structlog

from callguard.asterisk.ami import AmiError
from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError
from callguard.asterisk.events import AriEvent, ChannelDestroyed
from callguard.asterisk.names import BRIDGES, kind_of
from callguard.runtime.tasks import TaskKeeper

log = structlog.get_logger(__name__)

HEDGE_S: Final = 0.3
"""Seconds for one means before the next is tried. Asterisk hangs up and confirms it in 2 to 6 ms."""
PAUSES_S: Final = (0.3, 0.6, 1.2, 2.0)
"""Pauses in seconds between attempts; the last repeats."""
ASK_AGAIN_S: Final = 0.05
"""Seconds after a hangup until the manager interface is asked whether the channel is gone."""

HangUp = Callable[[str], Awaitable[bool]]
"""Hangs a channel up; False when there is no such channel. Raises AmiError."""


class Removal:
    """The removal of one object. `since` and all times are of the monotonic clock."""

    def __init__(self, object_id: str) -> None:
        self.id = object_id
        self.since = time.monotonic()
        self._gone = asyncio.Event()
        self.request: asyncio.Task[bool] | None = None
        """The last request by ARI."""
        self.refusal = ""
        """Error of the last means that failed."""

    @classmethod
    def of_ended(cls, object_id: str) -> Self:
        """Return the removal of an object that is gone already."""
        removal = cls(object_id)
        removal.prove()
        return removal

    @property
    def proved(self) -> bool:
        """Whether Asterisk has said that it is gone."""
        return self._gone.is_set()

    def prove(self) -> None:
        """Note Asterisk's confirmation that it is gone."""
        self._gone.set()

    async def wait(self) -> None:
        """Wait until it is proved."""
        await self._gone.wait()

    async def within(self, seconds: float) -> bool:
        """Wait for `seconds` at most; return whether it is proved."""
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            return False
        return True


async def all_within(removals: Iterable[Removal], seconds: float) -> bool:
    """Wait for several removals, for `seconds` at most; return whether all are proved."""
    return all(await asyncio.gather(*(each.within(seconds) for each in removals)))


class Remover:
    """All removals that are under way, by id."""

    def __init__(self, ari: AriClient, hang_up: HangUp | None) -> None:
        self._ari = ari
        self._hang_up = hang_up
        self._under_way: dict[str, Removal] = {}
        self._tasks = TaskKeeper()

    @property
    def under_way(self) -> Mapping[str, Removal]:
        """Removals that are not proved yet, by id."""
        return self._under_way

    def remove(self, object_id: str) -> Removal:
        """Start the removal of a channel or bridge, or return the one under way."""
        removal = self._under_way.get(object_id)
        if removal is None:
            removal = self._under_way[object_id] = Removal(object_id)
            self._tasks.spawn(self._work(removal))
        return removal

    def see(self, event: AriEvent) -> None:
        """Take a channel's end as proof."""
        if isinstance(event, ChannelDestroyed) and (removal := self._under_way.get(event.subject)):
            self._settle(removal)

    def saw(self, alive: set[str], asked_at: float) -> None:
        """Take absence as proof: `alive` are the ids of all channels and bridges, requested at `asked_at`."""
        for removal in list(self._under_way.values()):
            if removal.id not in alive and removal.since < asked_at:
                self._settle(removal)

    def abandon(self, object_id: str) -> None:
        """Stop removing an object, although it is not proved to be gone."""
        self._under_way.pop(object_id, None)

    async def close(self) -> None:
        """Give up unproved removals; leases or the next run end these objects."""
        await self._tasks.end()

    async def _work(self, removal: Removal) -> None:
        for pause_s in chain(PAUSES_S, repeat(PAUSES_S[-1])):
            try:
                await self._attempt(removal)
            except Exception as error:  # noqa: BLE001 - no error may end the attempts: a person may still overhear
                removal.refusal = repr(error)
            if await removal.within(pause_s) or self._under_way.get(removal.id) is not removal:
                return
            for_s = round(time.monotonic() - removal.since, 1)
            log.warning("not_gone_yet", object=removal.id, for_s=for_s, refusal=removal.refusal)

    async def _attempt(self, removal: Removal) -> None:
        """Ask by ARI, unless an earlier request still waits for its answer; then by AMI, if there is no proof."""
        if removal.request is None or removal.request.done():
            removal.request = self._tasks.spawn(self._by_ari(removal))
        await asyncio.wait([removal.request], timeout=HEDGE_S)
        if removal.request.done() and not removal.request.cancelled() and removal.request.result():
            await removal.within(HEDGE_S)
        if not removal.proved and self._hang_up and kind_of(self._ari.app, removal.id) not in BRIDGES:
            await self._by_ami(removal, self._hang_up)

    async def _by_ari(self, removal: Removal) -> bool:
        """Return whether ARI took the request."""
        is_bridge = kind_of(self._ari.app, removal.id) in BRIDGES
        try:
            if is_bridge:
                await self._ari.destroy_bridge(removal.id)
                self._settle(removal)
            elif not await self._ari.hang_up(removal.id):
                self._settle(removal)
        except AriError as error:
            removal.refusal = str(error)
            return False
        return True

    async def _by_ami(self, removal: Removal, hang_up: HangUp) -> None:
        try:
            for _ in range(2):  # the first request hangs it up, the second asks whether it is gone
                if not await hang_up(removal.id):
                    self._settle(removal)
                if await removal.within(ASK_AGAIN_S):
                    return
        except AmiError as error:
            removal.refusal = str(error)

    def _settle(self, removal: Removal) -> None:
        removal.prove()
        if self._under_way.get(removal.id) is removal:
            del self._under_way[removal.id]
