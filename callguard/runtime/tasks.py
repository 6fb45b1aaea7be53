"""Starts, keeps, awaits and ends tasks safely.

Before Python 3.12, `asyncio.wait_for` can swallow a cancellation that comes just as the awaited thing ends; an endless
task then never ends. `asyncio.timeout` swallows none, and `end` cancels again.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

ASK_AGAIN_S: Final = 1.0
"""Seconds between two cancellations. A task with a longer clean-up needs more: a second one would interrupt it."""


async def within(awaitable: Awaitable[T], seconds: float) -> T:
    """Return the awaitable's result; raise TimeoutError when it takes longer."""
    async with asyncio.timeout(seconds):
        return await awaitable


async def end(*tasks: "asyncio.Task[Any]", ask_again_s: float = ASK_AGAIN_S) -> None:
    """Cancel tasks and wait until they have ended; cancel again if a cancellation was lost. Raises no task's error."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ask_again_s)


class TaskKeeper:
    """Runs tasks that nobody awaits. asyncio keeps only weak references to tasks, so the keeper holds them.

    A task that fails is logged; its error reaches only code that awaits the task.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T], name: str | None = None) -> "asyncio.Task[T]":
        """Start a coroutine; return its task."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def settle(self, timeout_s: float | None = None) -> None:
        """Wait until all tasks have ended, for `timeout_s` seconds at most."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout_s)

    async def end(self) -> None:
        """Cancel the tasks that still run and wait until they have ended."""
        await end(*self._tasks)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("task_failed", task=task.get_name(), exc_info=error)
