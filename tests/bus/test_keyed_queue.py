"""Work of one key runs in order, work of two keys at the same time."""

import asyncio

import pytest
from structlog.testing import capture_logs

from callguard.bus.keyed_queue import KeyedQueue


class Work:
    """Jobs that note their begin and end and wait for a gate."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def job(self, name: str) -> str:
        self.log.append(f"{name} begins")
        await self.gates.setdefault(name, asyncio.Event()).wait()
        self.log.append(f"{name} ends")
        return name

    def open(self, *names: str) -> None:
        for name in names:
            self.gates.setdefault(name, asyncio.Event()).set()


@pytest.fixture
def work() -> Work:
    return Work()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_key_keeps_its_order(work: Work) -> None:
    queue = KeyedQueue()
    tasks = [queue.run("key", work.job(name)) for name in ("one", "two", "three")]
    work.open("three", "two")
    await settle()
    assert work.log == ["one begins"]
    work.open("one")
    assert [await task for task in tasks] == ["one", "two", "three"]
    assert work.log == [f"{name} {what}" for name in ("one", "two", "three") for what in ("begins", "ends")]


async def test_keys_do_not_wait_for_each_other(work: Work) -> None:
    queue = KeyedQueue()
    queue.run("slow", work.job("slow"))
    work.open("quick")
    assert await queue.run("quick", work.job("quick")) == "quick"
    assert len(queue) == 1
    await queue.wait_all(0.01)
    assert work.log == ["slow begins", "quick begins", "quick ends"]
    work.open("slow")
    await queue.wait_all()
    assert len(queue) == 0


async def test_work_that_breaks_is_logged_and_holds_nobody_up(work: Work) -> None:
    async def breaks() -> None:
        raise ZeroDivisionError("by nought")

    queue = KeyedQueue()
    work.open("next")
    with capture_logs() as logs:
        queue.run("key", breaks())
        await queue.run("key", work.job("next"))
    assert [(entry["event"], entry["key"], entry["error"]) for entry in logs] == [
        ("work_broke", "key", "ZeroDivisionError('by nought')")
    ]


async def test_work_that_is_cancelled_holds_nobody_up_and_is_no_failure(work: Work) -> None:
    queue = KeyedQueue()
    work.open("next")
    with capture_logs() as logs:
        first = queue.run("key", work.job("first"))
        second = queue.run("key", work.job("next"))
        await settle()
        first.cancel()
        assert await second == "next"
    assert logs == []


async def test_an_empty_queue_is_forgotten(work: Work) -> None:
    queue = KeyedQueue()
    work.open("one", "two")
    queue.run("key", work.job("one"))
    await queue.wait_all()
    await settle()
    assert queue._last == {}
    assert await queue.run("key", work.job("two")) == "two"


async def test_one_can_wait_for_the_first_to_end(work: Work) -> None:
    queue = KeyedQueue()
    queue.run("a", work.job("a"))
    queue.run("b", work.job("b"))
    await settle()
    work.open("b")
    await asyncio.wait_for(queue.wait_one(), 1)
    assert work.log[-1] == "b ends"
    work.open("a")
    await queue.wait_all()
