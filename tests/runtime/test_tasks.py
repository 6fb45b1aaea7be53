"""A wait ends in time, and a task that lost a cancellation is asked again."""

import asyncio

import pytest
from structlog.testing import capture_logs

from callguard.runtime.tasks import TaskKeeper, end, within


async def test_what_comes_in_time_is_returned() -> None:
    assert await within(asyncio.sleep(0, "done"), 1) == "done"


async def test_what_takes_too_long_is_told() -> None:
    with pytest.raises(TimeoutError):
        await within(asyncio.sleep(5), 0.01)


async def test_a_cancellation_that_meets_the_end_of_a_wait_is_not_lost() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(within(future, 5))
    await asyncio.sleep(0)
    future.set_result(None)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_task_that_swallows_a_cancellation_still_ends() -> None:
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while lost < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end(task, ask_again_s=0.01)
    assert task.done()


async def test_a_task_that_fails_at_its_end_is_no_trouble() -> None:
    async def failing() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise RuntimeError

    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    await end(task)
    assert isinstance(task.exception(), RuntimeError)


async def test_kept_work_that_fails_is_logged_and_reaches_whoever_awaits_it() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    keeper = TaskKeeper()
    with capture_logs() as said:
        task = keeper.spawn(fails(), "chore")
        await keeper.settle(1)
    assert [(line["event"], line["task"]) for line in said] == [("task_failed", "chore")]
    with pytest.raises(ValueError, match="broken"):
        await task
    assert len(keeper) == 0


async def test_kept_work_ends_when_it_is_told_to() -> None:
    keeper = TaskKeeper()
    task = keeper.spawn(asyncio.sleep(60))
    await keeper.end()
    assert task.cancelled()
    assert len(keeper) == 0
