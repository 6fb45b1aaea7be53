"""A node that is alive says so in Redis; what it said ends by itself when it is not."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from callguard.bus import heartbeat as module
from callguard.bus.heartbeat import ALIVE_S, BEAT_S, Heartbeat, read_nodes
from callguard.bus.keys import Keys
from callguard.bus.nodes import Heard
from callguard.bus.overview import Overview
from callguard.config import Redis as RedisConfig
from callguard.contracts.events import NodeDegraded, NodeHearing, NodeRecovered, NodeStarted, NodeStopped
from tests.support.bus import WiredBus

KEYS = Keys()


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[WiredBus]:
    bus = WiredBus(RedisConfig(url=redis_url), "n1")
    await bus.start()
    yield bus
    await bus.stop()


async def seen(valkey: Redis, count: int = 1) -> None:
    async with asyncio.timeout(3):
        while len(await read_nodes(valkey, KEYS)) != count:
            await asyncio.sleep(0.02)


async def test_a_node_is_alive_from_its_start_and_tells_what_it_hears_and_lacks(valkey: Redis, bus: WiredBus) -> None:
    await asyncio.sleep(0.1)
    assert await read_nodes(valkey, KEYS) == [], "one that is still starting hears nothing"
    bus.publish(NodeStarted(node="n1"))
    bus.publish(NodeHearing(node="n1", heard=1, calls=3, causes={"no_tap": 2}))
    bus.publish(NodeDegraded(node="n1", reason="taps: 2 of 3 calls are not heard"))
    bus.publish(NodeDegraded(node="n1", reason="ami"))
    bus.publish(NodeRecovered(node="n1", reason="ami"))
    await seen(valkey)
    async with asyncio.timeout(3):
        while not (found := (await read_nodes(valkey, KEYS))[0]).degraded:
            await asyncio.sleep(0.02)
    assert (found.node, found.alive, found.hears) == ("n1", True, False)
    assert found.heard == Heard(1, 3, {"no_tap": 2})
    assert found.degraded == {"taps": "2 of 3 calls are not heard"}


async def test_it_ends_by_itself_within_seconds_and_is_renewed_long_before(valkey: Redis, bus: WiredBus) -> None:
    bus.publish(NodeStarted(node="n1"))
    await seen(valkey)
    assert ALIVE_S - 1 <= await valkey.ttl(KEYS.node("n1")) <= ALIVE_S
    assert ALIVE_S >= 4 * BEAT_S


async def test_a_node_that_crashed_is_known_and_not_alive(valkey: Redis, bus: WiredBus) -> None:
    bus.publish(NodeStarted(node="n1"))
    await seen(valkey)
    await valkey.delete(KEYS.node("n1"))
    (found,) = await read_nodes(valkey, KEYS)
    assert (found.node, found.alive, found.hears) == ("n1", False, False)


async def test_a_node_that_stopped_in_good_order_is_gone(valkey: Redis, bus: WiredBus) -> None:
    bus.publish(NodeStarted(node="n1"))
    await seen(valkey)
    bus.publish(NodeStopped(node="n1"))
    await bus.stop()
    assert await read_nodes(valkey, KEYS) == []


async def test_a_node_that_is_dead_for_a_day_is_forgotten(valkey: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    overview = Overview()
    for name, at in (("old", 1_000_000.0), ("new", 1_000_000.0 + module.REMEMBERED_S + 1)):
        overview.nodes = {name}
        monkeypatch.setattr(module.time, "time", lambda at=at: at)
        await Heartbeat(valkey, KEYS, name, overview).beat()
    await valkey.delete(KEYS.node("old"))
    assert [view.node for view in await read_nodes(valkey, KEYS)] == ["new"]


async def test_what_another_version_wrote_is_alive_and_no_more(valkey: Redis, bus: WiredBus) -> None:
    bus.publish(NodeStarted(node="n1"))
    await seen(valkey)
    for text in ("{", "5", json.dumps({"heard": "many"})):
        await valkey.set(KEYS.node("n1"), text)
        (found,) = await read_nodes(valkey, KEYS)
        assert (found.alive, found.heard) == (True, Heard())
