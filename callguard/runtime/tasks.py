"""Tasks: started, kept, waited for and ended, safely.

`asyncio.wait_for` before Python 3.12 can swallow a cancellation that comes just as what it waits for ends; a task that
runs for ever then never ends. `asyncio.timeout` does not, and `end` asks again.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

ASK_AGAIN_S: Final = 1.0
"""A task whose clean-up may take longer than this must be given more: asking again would interrupt it."""


async def within(awaitable: Awaitable[T], seconds: float) -> T:
    """Return what the awaitable gives; raise TimeoutError when that takes longer."""
    async with asyncio.timeout(seconds):
        return await awaitable


async def end(*tasks: "asyncio.Task[Any]", ask_again_s: float = ASK_AGAIN_S) -> None:
    """Cancel tasks and wait until they have ended; ask again where a cancellation was lost. Never raises for them."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ask_again_s)


class TaskKeeper:
    """Runs work that nobody waits for. asyncio keeps only weak references to tasks, so somebody has to hold them.

    A task that fails is logged; its failure reaches whoever awaits it, and nobody else.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T], name: str | None = None) -> "asyncio.Task[T]":
        """Begin work; return its task."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def settle(self, timeout_s: float | None = None) -> None:
        """Wait until all work is over, for `timeout_s` seconds at most."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout_s)

    async def end(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        await end(*self._tasks)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("task_failed", task=task.get_name(), exc_info=error)
