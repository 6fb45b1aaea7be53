"""Streams are read page by page, from a position on, and with an entry's time."""

import asyncio

import pytest
from redis.asyncio import Redis

from callguard.bus import streams
from callguard.bus.streams import Entry, entries, last_id, pages, read_after, read_group, tail


async def fill(client: Redis, count: int) -> list[str]:
    return [await client.xadd("s", {"n": str(number)}, id=f"{1000 + number}-0") for number in range(count)]


def test_an_entry_tells_when_redis_took_it() -> None:
    assert Entry("1700000000123-4", {}).at_ms == 1_700_000_000_123


def test_nothing_is_no_entries_and_a_trimmed_entry_has_no_fields() -> None:
    assert entries(None) == []
    assert entries([("1-0", None), ("2-0", {"a": "b"})]) == [Entry("1-0", {}), Entry("2-0", {"a": "b"})]


async def test_the_tail_is_the_newest_first(valkey: Redis) -> None:
    await fill(valkey, 3)
    assert [entry.fields["n"] for entry in await tail(valkey, "s", 2)] == ["2", "1"]
    assert [entry.fields["n"] for entry in await tail(valkey, "s")] == ["2"]


async def test_the_position_after_which_all_is_new(valkey: Redis) -> None:
    assert await last_id(valkey, "s") == "0-0"
    ids = await fill(valkey, 2)
    assert await last_id(valkey, "s") == ids[-1]


async def test_a_long_stream_is_read_whole_page_by_page(valkey: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PAGE", 2)
    ids = await fill(valkey, 5)
    assert [[entry.id for entry in page] async for page in pages(valkey, "s")] == [ids[:2], ids[2:4], ids[4:]]
    assert [entry.id async for page in pages(valkey, "s", ids[3]) for entry in page] == ids[3:]


async def test_what_follows_a_position_is_read_oldest_first_and_waited_for(valkey: Redis) -> None:
    ids = await fill(valkey, 3)
    assert [entry.id for entry in await read_after(valkey, "s", ids[0], 1)] == ids[1:]
    assert [entry.id for entry in await read_after(valkey, "s", ids[0], 1, count=1)] == ids[1:2]
    assert await read_after(valkey, "s", ids[-1], 1) == []
    waiting = asyncio.create_task(read_after(valkey, "s", ids[-1], 2000))
    await asyncio.sleep(0.05)
    await valkey.xadd("s", {"n": "new"})
    assert [entry.fields["n"] for entry in await waiting] == ["new"]


async def test_a_group_shares_entries_and_keeps_what_was_not_acknowledged(valkey: Redis) -> None:
    ids = await fill(valkey, 3)
    await valkey.xgroup_create("s", "g", id="0")
    assert [entry.id for entry in await read_group(valkey, "s", "g", "ann", count=2)] == ids[:2]
    assert [entry.id for entry in await read_group(valkey, "s", "g", "bob", count=2)] == ids[2:]
    await valkey.xack("s", "g", ids[0])
    assert [entry.id for entry in await read_group(valkey, "s", "g", "ann", after="0", count=9)] == ids[1:2]
    assert await read_group(valkey, "s", "g", "ann", block_ms=1, count=1) == []
