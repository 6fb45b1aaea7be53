"""Run tasks of the same key in order, and tasks of different keys at the same time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)
T = TypeVar("T")


class KeyedQueue:
    """Queues of tasks by key; a queue is dropped when its last task is over."""

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Task[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def run(self, key: str, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Start work as soon as all earlier work of this key is over, whatever its outcome."""
        task = asyncio.create_task(_after(self._last.get(key), work))
        self._last[key] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._over(key, done))
        return task

    async def wait_one(self) -> None:
        """Wait until at least one task is over."""
        await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def wait_all(self, timeout_s: float | None = None) -> None:
        """Wait until all tasks are over, or until the time limit."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    def _over(self, key: str, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if self._last.get(key) is task:
            del self._last[key]
        if not task.cancelled() and (error := task.exception()):
            log.error("work_broke", key=key, error=repr(error))


async def _after(previous: "asyncio.Task[Any] | None", work: Coroutine[Any, Any, T]) -> T:
    if previous is not None:
        await asyncio.wait([previous])
    return await work
