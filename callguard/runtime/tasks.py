"""Waiting and ending, safely.

`asyncio.wait_for` before Python 3.12 can swallow a cancellation that comes just as what it waits for ends; a task that
runs for ever then never ends. `asyncio.timeout` does not, and `end` asks again.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

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
