"""What is kept of calls and callers: handoff cards, the record of a number, and its end when a party opts out."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from redis.exceptions import RedisError

from callguard.asterisk.calls import Call
from callguard.bus import Bus
from callguard.bus.erase import erase
from callguard.callers import Callers
from callguard.config import Config
from callguard.events import PREFIX, Envelope, Event, SupervisionStarted
from callguard.handoff import Handoffs
from callguard.waiting import end

T = TypeVar("T")
RETRY_S: Final = 1.0
"""Between two attempts at deleting what Redis holds of a call that opted out."""
GRACE_S: Final = 3.0


class Records:
    """One node's records; `calls` are its present calls."""

    def __init__(self, bus: Bus, calls: Mapping[str, Call], config: Config) -> None:
        self._bus = bus
        self._calls = calls
        self._handoffs = Handoffs()
        self._callers = Callers(bus.client, config.redis.prefix, config.privacy)
        self._numbers: dict[str, str] = {}
        self._erasing: dict[str, asyncio.Task[int]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def with_card(self, event: Event) -> Event:
        """Give a supervisor's join its handoff card; leave other events as they are."""
        if not isinstance(event, SupervisionStarted) or event.call is None:
            return event
        return event.model_copy(update={"card": self._handoffs.card(event.call, datetime.now(UTC))})

    def see(self, seen: Envelope) -> None:
        """Take in what happened."""
        self._handoffs.see(seen)
        call = seen.subject or ""
        match seen.type.removeprefix(PREFIX):
            case "call.started.v1":
                self._begin(self._recall(call))
            case "call.ended.v1":
                self._ended(call, opted_out=seen.data["reason"] == "opt_out")

    async def erased(self, call: str) -> int:
        """Wait until nothing is held of a call that opted out; return how many events went."""
        erasing = self._erasing.get(call)
        return await asyncio.shield(erasing) if erasing else 0

    async def close(self) -> None:
        """Finish what is under way, or give it up after a while."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=GRACE_S)
            await end(*late)

    def _ended(self, call: str, *, opted_out: bool) -> None:
        number, counts = self._numbers.pop(call, ""), self._handoffs.close(call)
        if opted_out:
            self._erasing[call] = self._begin(self._erase(call))
        else:
            self._begin(self._callers.add(number, counts))

    async def _recall(self, call: str) -> None:
        present = self._calls.get(call)
        if present is None:
            return
        self._numbers[call] = present.number
        if earlier := await self._callers.recall(present.number):
            self._handoffs.recall(call, earlier)

    async def _erase(self, call: str) -> int:
        """Delete a call's events as soon as all of them stand in Redis."""
        try:
            while True:
                if await self._bus.flush(RETRY_S):
                    with suppress(RedisError, OSError):
                        return await erase(self._bus.client, self._bus.keys, call)
                await asyncio.sleep(RETRY_S)
        finally:
            del self._erasing[call]

    def _begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
