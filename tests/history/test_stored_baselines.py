"""Baselines outlive a run in Redis, end with their call, and keep no leg waiting."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from callguard.bus.erase import erase
from callguard.bus.keys import Keys
from callguard.contracts.messages import Baseline
from callguard.history import stored_baselines
from callguard.history.stored_baselines import KEEP_S, StoredBaselines

KEYS = Keys("baselines-test:")
LEARNT = Baseline(bytes(range(64)), 7, 100.5, memory=b"\x00\xff", model="m1")
LOOSE = Baseline(b"\xff", 7, 101.0, loose=True)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client
        for key in await client.keys(f"{KEYS.prefix}*"):
            await client.delete(key)


async def restarted(client: Redis, store: StoredBaselines) -> StoredBaselines:
    await store.stop()
    return StoredBaselines(client, KEYS)


async def test_what_was_kept_is_recalled_after_a_restart_and_is_gone_after_an_hour(client: Redis) -> None:
    store = StoredBaselines(client, KEYS)
    store.start()
    store.keep("c", "customer 1.1", LEARNT)
    store.keep("c", "agent 1.2", LEARNT)
    store.keep("c", "agent 1.2", LOOSE)
    again = await restarted(client, store)
    assert await again.recall("c") == {"customer 1.1": LEARNT, "agent 1.2": LOOSE}
    assert await again.recall("d") == {}
    assert KEEP_S - 5 < await client.ttl(KEYS.baselines("c")) <= KEEP_S


async def test_it_is_written_every_few_seconds(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_baselines, "SAVE_S", 0.02)
    store = StoredBaselines(client, KEYS)
    store.start()
    store.keep("c", "customer 1.1", LEARNT)
    async with asyncio.timeout(3):
        while not await client.exists(KEYS.baselines("c")):
            await asyncio.sleep(0.01)
    await store.stop()


async def test_a_call_that_is_over_leaves_nothing(client: Redis) -> None:
    store = StoredBaselines(client, KEYS)
    store.keep("c", "customer 1.1", LEARNT)
    await store.stop()
    store.keep("c", "customer 1.1", LOOSE)
    store.forget("c")
    await store.stop()
    assert not await client.exists(KEYS.baselines("c"))


async def test_an_opt_out_erases_them(client: Redis) -> None:
    store = StoredBaselines(client, KEYS)
    store.keep("c", "customer 1.1", LEARNT)
    await store.stop()
    await erase(client, KEYS, "c")
    assert not await client.exists(KEYS.baselines("c"))


async def test_while_redis_is_away_nothing_is_lost_and_what_ended_meanwhile_is_deleted_later(client: Redis) -> None:
    store = StoredBaselines(client, KEYS)
    store.keep("gone", "customer 1.1", LEARNT)
    await store.stop()
    away = Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True)
    store._client = away
    store.keep("c", "customer 1.1", LEARNT)
    store.forget("gone")
    await store._write()
    store.keep("c", "agent 1.2", LEARNT)
    await store._write()
    store._client = client
    await store.stop()
    assert await store.recall("c") == {"customer 1.1": LEARNT, "agent 1.2": LEARNT}
    assert not await client.exists(KEYS.baselines("gone"))
    await away.aclose()


async def test_a_server_that_does_not_answer_keeps_a_leg_waiting_only_shortly_and_is_not_asked_again_soon() -> None:
    server = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Redis.from_url(f"redis://127.0.0.1:{port}/0", decode_responses=True) as silent:
        store = StoredBaselines(silent, KEYS)
        started = time.monotonic()
        assert await store.recall("c") == {}
        assert time.monotonic() - started < 1.5
        started = time.monotonic()
        assert await store.recall("d") == {}
        assert time.monotonic() - started < 0.1


async def test_what_is_no_baseline_is_passed_over(client: Redis) -> None:
    store = StoredBaselines(client, KEYS)
    store.keep("c", "customer 1.1", LEARNT)
    await store.stop()
    for number, text in enumerate(("", "[]", "{}", '{"sums": "!", "form": 1, "at": 1, "loose": false}', "null")):
        await client.hset(KEYS.baselines("c"), f"agent {number}", text)
    assert await store.recall("c") == {"customer 1.1": LEARNT}
