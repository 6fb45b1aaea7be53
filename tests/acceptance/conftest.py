"""Acceptance runs in virtual time: each test's event loop is a clock and a network of its own."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.harness.floor import Floor
from tests.acceptance.harness.hook import Hook, receiving
from tests.acceptance.harness.loop import VirtualLoop

OpenFloor = Callable[..., Awaitable[Floor]]
OpenHook = Callable[..., Awaitable[Hook]]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


@pytest.fixture
async def open_hook(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenHook]:
    """Opens a webhook's receiver; its URL is in HOOK_URL."""
    async with AsyncExitStack() as stack:

        async def opened(*statuses: int) -> Hook:
            hook, url = await stack.enter_async_context(receiving(*statuses))
            monkeypatch.setenv("HOOK_URL", url)
            return hook

        yield opened


@pytest.fixture
async def open_floor(redis_url: str, tmp_path: Path) -> AsyncIterator[OpenFloor]:
    """Opens a floor, which ends with the test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    async with AsyncExitStack() as stack:
        stack.enter_context(loop.on_the_clock())

        async def opened(*rules: dict[str, Any], **script: Any) -> Floor:
            return await stack.enter_async_context(Floor(tmp_path, redis_url, rules, **script))

        yield opened
    gc.collect()  # a task that failed unseen says so when it is forgotten
    assert loop.mishaps == []
