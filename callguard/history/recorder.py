"""Keeps handoff cards and the records of callers' numbers, and deletes them when a party opts out."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from redis.exceptions import RedisError

from callguard.asterisk.discovery.calls import Call
from callguard.bus import Bus
from callguard.bus.erase import erase
from callguard.config import Config
from callguard.contracts.cards import CallerHistory
from callguard.contracts.events import CallEnded, CallStarted, Event, Published, SupervisionStarted
from callguard.history.callers import NONE, Callers
from callguard.history.handoff import Counts, Handoffs
from callguard.runtime.journal import Journal
from callguard.runtime.tasks import TaskKeeper

RETRY_S: Final = 1.0
"""Seconds between two attempts to delete an opted-out call from Redis."""
GRACE_S: Final = 3.0
ERASURE: Final = "erasure"
"""Kind of a journalled deletion that is due; key: the call, text: the Redis key of its number's record."""


@dataclass
class _Calling:
    """A present call and the counts that it adds to its number's record."""

    number: str
    counts: Counts = NONE
    before: Counts = NONE
    """The counts that an earlier run noted of it."""

    @property
    def total(self) -> Counts:
        return self.counts.plus(self.before)


class Recorder:
    """One node's records; `calls` are its present calls."""

    def __init__(self, bus: Bus, calls: Mapping[str, Call], config: Config, journal: Journal) -> None:
        self._bus = bus
        self._journal = journal
        self._calls = calls
        self._handoffs = Handoffs()
        self._callers = Callers(bus.client, config)
        self._in_turn = asyncio.Lock()
        """Held while a record changes: changes are made one at a time, in the order of the events."""
        self._callings: dict[str, _Calling] = {}
        self._uncounted: list[str] = []
        """Calls that began in this run and whose counts are not added yet."""
        self._erasing: dict[str, asyncio.Task[int]] = {}
        self._tasks = TaskKeeper()

    def with_card(self, event: Event) -> Event:
        """Return supervision.started with its handoff card, other events unchanged."""
        if not isinstance(event, SupervisionStarted) or event.call is None:
            return event
        return event.model_copy(update={"card": self._handoffs.card(event.call, datetime.now(UTC))})

    def apply(self, config: Config) -> None:
        """Put other settings of callers' records in force. Raises ConfigError when the key can't be read."""
        self._callers.reconfigure(config.privacy)

    async def earlier(self, number: str) -> CallerHistory | None:
        """Return the record of a number's earlier calls; raise as `Callers.find` does."""
        return await self._callers.find(number)

    def see(self, happened: Published) -> None:
        """Take in an event."""
        self._handoffs.see(happened)
        match happened.event:
            case CallStarted():
                self._started(happened.call)
            case CallEnded(reason=reason):
                self._ended(happened.call, opted_out=reason == "opt_out")
            case _ if calling := self._callings.get(happened.call):
                self._compare(happened.call, calling)

    def resume(self) -> None:
        """Go on with deletions that an earlier run did not finish."""
        for call, key in self._journal.records(ERASURE).items():
            self._begin_erasing(call, key or None)

    def calls_known(self, calls: Collection[str]) -> None:
        """Add the counts of calls that an earlier run noted and that have ended: the present calls are known now."""
        self._tasks.spawn(self._add_gone(calls))

    async def erased(self, call: str) -> int:
        """Wait until everything about an opted-out call is deleted; return the number of deleted events."""
        erasing = self._erasing.get(call)
        return await asyncio.shield(erasing) if erasing else 0

    async def close(self) -> None:
        """Finish pending work, or give it up after a while."""
        await self._tasks.settle(GRACE_S)
        await self._tasks.end()

    def _started(self, call: str) -> None:
        present = self._calls.get(call)
        calling = self._callings[call] = _Calling(present.number if present else "")
        self._uncounted.append(call)
        self._tasks.spawn(self._recall(call, calling))

    def _compare(self, call: str, calling: "_Calling") -> None:
        """Note the counts of a call if they have changed."""
        counts = self._handoffs.counts(call)
        if counts != calling.counts:
            calling.counts = counts
            self._tasks.spawn(self._note(call, calling))

    def _ended(self, call: str, *, opted_out: bool) -> None:
        self._handoffs.close(call)
        calling = self._callings.pop(call, None) or _Calling("")
        if opted_out:
            self._begin_erasing(call, self._callers.key(calling.number))
        else:
            self._tasks.spawn(self._add(call, calling))

    async def _recall(self, call: str, calling: "_Calling") -> None:
        async with self._in_turn:
            calling.before = await self._callers.noted(call)
            if earlier := await self._callers.recall(calling.number):
                self._handoffs.recall(call, earlier)
            await self._callers.note(call, calling.number, calling.total)

    async def _note(self, call: str, calling: "_Calling") -> None:
        async with self._in_turn:
            await self._callers.note(call, calling.number, calling.total)

    async def _add(self, call: str, calling: "_Calling") -> None:
        async with self._in_turn:
            await self._callers.add(call, calling.number, calling.total)
        self._counted(call)

    async def _add_gone(self, calls: Collection[str]) -> None:
        async with self._in_turn:
            await self._callers.add_gone({*calls, *self._uncounted})

    def _counted(self, call: str) -> None:
        with suppress(ValueError):
            self._uncounted.remove(call)

    def _begin_erasing(self, call: str, key: str | None) -> None:
        """Delete everything about a call and its number, whose record has the Redis key `key`. Try until it is done."""
        self._journal.stage(ERASURE, call, key or "")
        asyncio.get_running_loop().call_soon(self._journal.scrub)  # by then every part has dropped its data of the call
        self._erasing[call] = self._tasks.spawn(self._erase(call, key))

    async def _erase(self, call: str, key: str | None) -> int:
        """Delete the caller's record, and the call's events as soon as all of them are in Redis."""
        try:
            while True:
                if await self._bus.flush(RETRY_S):
                    with suppress(RedisError, OSError):
                        async with self._in_turn:
                            await self._callers.forget(call, key)
                        deleted = await erase(self._bus.client, self._bus.keys, call)
                        self._journal.stage(ERASURE, call, None)
                        self._journal.commit()
                        return deleted
                await asyncio.sleep(RETRY_S)
        finally:
            del self._erasing[call]
            self._counted(call)
