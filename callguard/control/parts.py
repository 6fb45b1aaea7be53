"""Keeps the parts of a running service, and stops them in reverse order, each within a time limit."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final

import structlog

from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

STOP_S: Final = 8.0
"""Most seconds that one part may take to stop; at most it waits for a few REST calls to Asterisk."""


class Parts:
    """The running parts, in the order of their start.

    Args:
        on_failure: called with the name and the error of a kept part that failed.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None]) -> None:
        self._on_failure = on_failure
        self.stack = AsyncExitStack()
        """For parts that are context managers."""

    def keep(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a part in a task of its own until the end."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self.on_stop(name, lambda: end(task, ask_again_s=STOP_S))

    def on_stop(self, name: str, stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have `stop` called at the end. A part that takes too long is left behind; the log has its tasks' stacks."""

        async def stopping() -> None:
            task = asyncio.create_task(stop(), name=f"stop {name}")
            await asyncio.wait([task], timeout=STOP_S)
            if not task.done():
                where = [str(frame) for each in asyncio.all_tasks() for frame in each.get_stack(limit=3)]
                log.error("part_does_not_stop", part=name, where=where)
            elif error := task.exception():
                log.error("part_stopped_badly", part=name, exc_info=error)

        self.stack.push_async_callback(stopping)

    async def stop(self) -> None:
        """Stop all parts, the last one first."""
        await self.stack.aclose()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self._on_failure(task.get_name(), error)
