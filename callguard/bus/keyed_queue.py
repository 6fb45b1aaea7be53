"""Work in order within a lane, at the same time across lanes."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)
T = TypeVar("T")


class KeyedQueue:
    """Tasks by lane; a lane is forgotten when nothing is left in it."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def run(self, lane: str, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Begin work once all that was given to this lane before is over, however it ended."""
        task = asyncio.create_task(_after(self._last.get(lane), work))
        self._last[lane] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._over(lane, done))
        return task

    async def wait_one(self) -> None:
        """Wait until some work is over."""
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def wait_all(self, timeout_s: float | None = None) -> None:
        """Wait until all work is over, or the time."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    def _over(self, lane: str, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if self._last.get(lane) is task:
            del self._last[lane]
        if not task.cancelled() and (error := task.exception()):
            log.error("work_broke", lane=lane, error=repr(error))


async def _after(previous: "asyncio.Task[Any] | None", work: Coroutine[Any, Any, T]) -> T:
    if previous is not None:
        await asyncio.wait([previous])
    return await work
