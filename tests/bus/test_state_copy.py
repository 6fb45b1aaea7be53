"""A copy in Redis follows a state by its changes, and is written whole after the server was away."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from callguard.bus.keys import Keys
from callguard.bus.state_copy import StateCopy

KEY = "callguard:state:n1"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


async def write(copy: StateCopy, client: Redis) -> dict[str, str]:
    """Write what the copy has to write; return what Redis holds."""
    write = copy.take()
    async with client.pipeline(transaction=True) as pipe:
        write.queue(pipe, Keys())
        await pipe.execute()
    held: dict[str, str] = await client.hgetall(KEY)  # type: ignore[misc]
    return held


async def test_first_the_whole_then_changes(client: Redis) -> None:
    await client.hset(KEY, "stale", "x")  # type: ignore[misc]
    copy = StateCopy(KEY, lambda: {"a": "1", "b": "2"})
    assert await write(copy, client) == {"a": "1", "b": "2"}
    assert not copy
    copy.note({"a": None, "c": "3"})
    assert copy
    assert await write(copy, client) == {"b": "2", "c": "3"}
    assert 0 < await client.ttl(KEY) <= 7 * 86_400


async def test_what_failed_is_written_later_but_never_over_newer_changes(client: Redis) -> None:
    state = {"a": "1"}
    copy = StateCopy(KEY, lambda: state)
    await write(copy, client)
    copy.note({"a": "2", "b": "2"})
    failed = copy.take()
    copy.note({"a": "3"})
    failed.put_back()
    assert await write(copy, client) == {"a": "3", "b": "2"}


async def test_a_server_that_lost_it_gets_the_whole_again(client: Redis) -> None:
    state = {"a": "1"}
    copy = StateCopy(KEY, lambda: state)
    await write(copy, client)
    await client.delete(KEY)
    copy.write_anew()
    failed = copy.take()
    state["a"] = "2"
    copy.note({"a": "2"})
    failed.put_back()
    assert await write(copy, client) == {"a": "2"}
