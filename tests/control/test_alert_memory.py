"""What the alert store remembers is on disk at once, in Redis with the events; the newer is taken up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from callguard.config import Redis as RedisConfig
from callguard.control.alert_memory import AlertMemory
from callguard.runtime.journal import Journal
from tests.support.bus import WiredBus
from tests.support.events import alert_fired
from tests.support.valkey import StoppableValkey

STATE = "callguard:alert-state:n1"


class Run:
    """One run of a node, as far as memory goes."""

    def __init__(self, url: str, folder: Path) -> None:
        self.journal = Journal(folder / "n1.journal")
        self.bus = WiredBus(RedisConfig(url=url), "n1", self.journal)
        self.memory = AlertMemory(self.journal, self.bus, "n1")


@asynccontextmanager
async def run(url: str, folder: Path) -> AsyncIterator[Run]:
    running = Run(url, folder)
    await running.bus.start()
    yield running
    await running.bus.stop(flush_s=0.3)
    running.journal.close()


async def test_what_is_kept_is_on_disk_in_the_loops_next_round(redis_url: str, tmp_path: Path) -> None:
    async with run(redis_url, tmp_path) as running:
        running.memory.keep({"alert|a1": "fired"})
        await asyncio.sleep(0)
        other = Journal(tmp_path / "n1.journal")
        assert other.records("alerts") == {"alert|a1": "fired", "sequence": "1"}
        other.close()


async def test_whoever_finds_an_event_in_redis_finds_the_state_behind_it(redis_url: str, tmp_path: Path) -> None:
    async with run(redis_url, tmp_path) as running, Redis.from_url(redis_url, decode_responses=True) as reader:
        await running.memory.recall()
        running.memory.begin_copying()
        await running.bus.flush(5)
        seen = []

        async def read() -> None:
            while not await reader.xlen("callguard:events"):
                pass
            seen.append(await reader.hgetall(STATE))  # type: ignore[misc]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        running.bus.publish(alert_fired())
        running.memory.keep({"alert|a1": "fired", "ring|c1": None})
        await reading
        assert seen == [{"alert|a1": "fired", "sequence": "1"}]


async def test_a_change_that_no_event_goes_with_is_copied_soon(redis_url: str, tmp_path: Path) -> None:
    async with run(redis_url, tmp_path) as running:
        await running.memory.recall()
        running.memory.begin_copying()
        await running.bus.flush(5)
        running.memory.keep({"silence|s1": "drill"})
        assert await running.bus.flush(5)
        held = await running.bus.client.hgetall(STATE)  # type: ignore[misc]
        assert held == {"silence|s1": "drill", "sequence": "1"}


async def test_nothing_is_copied_before_the_copy_was_read(redis_url: str, tmp_path: Path) -> None:
    async with run(redis_url, tmp_path / "old") as first:
        await first.memory.recall()
        first.memory.begin_copying()
        first.memory.keep({"silence|s1": "drill"})
        await first.bus.flush(5)
    async with run(redis_url, tmp_path / "new") as second:
        await second.bus.flush(5)
        assert await second.memory.recall() == {"silence|s1": "drill"}


async def test_the_newer_of_disk_and_redis_is_taken_up(stoppable_valkey: StoppableValkey, tmp_path: Path) -> None:
    """Redis is away as the alert fires; then it is back with what it knew before."""
    async with run(stoppable_valkey.url, tmp_path / "here") as first:
        await first.memory.recall()
        first.memory.begin_copying()
        first.memory.keep({"alert|a1": "pending"})
        await first.bus.flush(5)
        stoppable_valkey.stop()
        first.memory.keep({"alert|a1": "fired"})
    stoppable_valkey.start()
    async with run(stoppable_valkey.url, tmp_path / "here") as second:
        assert await second.memory.recall() == {"alert|a1": "fired"}
        second.memory.begin_copying()
        await second.bus.flush(5)
    async with run(stoppable_valkey.url, tmp_path / "another machine") as third:
        assert await third.memory.recall() == {"alert|a1": "fired"}
        third.memory.begin_copying()
        third.memory.keep({"alert|a1": None})
        await third.bus.flush(5)
    async with run(stoppable_valkey.url, tmp_path / "here") as fourth:
        assert await fourth.memory.recall() == {}, "the other machine went on"


async def test_without_redis_the_disk_is_enough_and_without_both_nothing_is_known(
    stoppable_valkey: StoppableValkey, tmp_path: Path
) -> None:
    stoppable_valkey.stop()
    async with run(stoppable_valkey.url, tmp_path) as first:
        assert await first.memory.recall() is None
        first.memory.keep({"alert|a1": "fired"})
    async with run(stoppable_valkey.url, tmp_path) as second:
        assert await second.memory.recall() == {"alert|a1": "fired"}


async def test_what_a_former_version_kept_is_taken_up(redis_url: str, tmp_path: Path) -> None:
    scope = {"rule": None, "queue": "sales", "agent": None, "call": None}
    silence = {"id": "s1", "by": "lead", "why": "drill", "since": 1.0, "until": 2.0, "scope": scope}
    text = '{"version": 1, "silences": [%s], "verdicts": {"Loud": {"useful": 3}}}'
    async with run(redis_url, tmp_path) as running:
        await running.bus.client.set("callguard:book:n1", text % str(silence).replace("'", '"').replace("None", "null"))
        recalled = await running.memory.recall()
        assert recalled is not None
        assert set(recalled) == {"silence|s1", "verdicts|Loud"}
        await running.bus.client.set("callguard:book:n1", '{"version": 99}')
        assert await running.memory.recall() == {}


async def test_copying_begins_once(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with run(redis_url, tmp_path) as running:
        begun: list[object] = []
        monkeypatch.setattr(running.bus, "copy", begun.append)
        for _ in range(2):
            running.memory.begin_copying()
        assert len(begun) == 1
