"""Every event reaches Redis, in order, whatever Redis does meanwhile."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis

from callguard.bus import publisher
from callguard.bus.streams import entries
from callguard.config import Redis as RedisConfig
from callguard.contracts.events import Envelope, Published, TapOpened
from callguard.runtime.journal import Journal
from callguard.testbed.valkey import StoppableValkey, start_valkey
from tests.support.bus import WiredBus
from tests.support.events import (
    alert_fired,
    alert_resolved,
    call_ended,
    call_started,
    snapshot,
    supervision_started,
)

ALERT = "io.callguard.alert."


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[WiredBus]:
    bus = WiredBus(RedisConfig(url=redis_url), "n1")
    await bus.start()
    yield bus
    await bus.stop()


async def stream(client: Redis) -> list[Envelope]:
    read = entries(await client.xrange("callguard:events"))
    return [Envelope.model_validate_json(entry.fields["event"]) for entry in read]


async def wait_for(condition, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


async def test_an_entry_holds_the_cloudevent_its_type_and_its_call(bus: WiredBus) -> None:
    bus.publish(call_started("c1"))
    assert await bus.flush(5)

    (entry,) = entries(await bus.client.xrange("callguard:events"))
    assert entry.fields["type"] == "io.callguard.call.started.v1"
    assert entry.fields["call"] == "c1"
    cloud = json.loads(entry.fields["event"])
    assert cloud["specversion"] == "1.0"
    assert cloud["source"] == "/callguard/n1"
    assert cloud["subject"] == "c1"
    assert cloud["data"]["queue"] == "sales"


async def test_a_thousand_events_keep_their_order(bus: WiredBus) -> None:
    for number in range(1000):
        bus.publish(alert_fired(alert=f"a{number}"))
    assert await bus.flush(10)

    assert [item.data["alert"] for item in await stream(bus.client)] == [f"a{number}" for number in range(1000)]


async def test_an_event_that_json_cannot_hold_is_counted_and_never_raises(bus: WiredBus) -> None:
    bus.publish(alert_fired(evidence={"values": object()}))
    bus.publish(alert_fired(evidence={"text": "\ud800"}))

    assert bus.stats.dropped == 2


async def test_a_value_that_is_no_number_becomes_null(bus: WiredBus) -> None:
    bus.publish(alert_fired(evidence={"value": math.nan, "limit": math.inf}))
    await bus.flush(5)

    (sent,) = await stream(bus.client)
    assert sent.data["evidence"] == {"value": None, "limit": None}


async def test_a_listener_that_fails_keeps_no_event_from_redis(bus: WiredBus) -> None:
    def broken(_: Published) -> None:
        raise RuntimeError("a screen's mistake")

    bus.hub.connect(broken)
    bus.publish(call_started())

    assert await bus.flush(5)
    assert len(await stream(bus.client)) == 1


async def test_screens_are_woken(bus: WiredBus) -> None:
    async with bus.client.pubsub() as screen:
        await screen.subscribe("callguard:wake")
        await screen.get_message(timeout=2)
        bus.publish(call_started())
        message = await screen.get_message(timeout=5)
        while message and not message["data"]:  # the bus's own first contact
            message = await screen.get_message(timeout=5)

    assert message is not None
    assert message["data"] == "io.callguard.call.started.v1"


async def test_the_stream_is_trimmed(redis_url: str) -> None:
    bus = WiredBus(RedisConfig(url=redis_url, events_maxlen=100), "n1")
    await bus.start()
    for _ in range(1000):
        bus.publish(alert_resolved())
    await bus.stop(flush_s=10)

    async with Redis.from_url(redis_url) as client:
        assert 100 <= await client.xlen("callguard:events") < 300


async def test_lists_hold_what_goes_on_and_nothing_after_the_call(bus: WiredBus) -> None:
    bus.publish(call_started("c1"))
    bus.publish(alert_fired("c1", "a1"))
    bus.publish(supervision_started("c1"))
    bus.show(snapshot("c1"))
    await bus.flush(5)
    await wait_for(lambda: bus.stats.waiting == 0)
    await asyncio.sleep(0.1)

    call = json.loads((await bus.client.hgetall("callguard:calls"))["c1"])
    assert call["supervisors"]["s1"] == {"supervisor": "Ann", "mode": "whisper", "state": "joined"}
    assert json.loads((await bus.client.hgetall("callguard:alerts"))["a1"])["state"] == "fired"
    assert json.loads((await bus.client.hgetall("callguard:signals"))["c1"])["customer"]["raised_voice"] == 0.5

    bus.publish(alert_resolved("c1", "a1"))
    bus.publish(call_ended("c1"))
    bus.show(snapshot("c1"))
    await bus.flush(5)
    assert sorted(await bus.client.keys("*")) == ["callguard:audit", "callguard:events"]


async def test_signals_of_many_calls_are_written_together(bus: WiredBus) -> None:
    for number in range(300):
        bus.publish(call_started(f"c{number}"))
    await bus.flush(5)
    before = (await bus.client.info("commandstats"))["cmdstat_exec"]["calls"]
    for _ in range(3):
        for number in range(300):
            bus.show(snapshot(f"c{number}"))
            await asyncio.sleep(0)
    async with asyncio.timeout(5):
        while await bus.client.hlen("callguard:signals") < 300:
            await asyncio.sleep(0.05)

    assert (await bus.client.info("commandstats"))["cmdstat_exec"]["calls"] - before <= 2


async def test_what_a_crash_left_in_the_lists_is_gone_after_the_restart(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        await client.hset("callguard:calls", "old", json.dumps({"node": "n1"}))
        await client.hset("callguard:calls", "broken", "{")
        await client.hset("callguard:calls", "others", json.dumps({"node": "n2"}))
        await client.hset("callguard:signals", "old", "{}")
        bus = WiredBus(RedisConfig(url=redis_url), "n1")
        await bus.start()
        bus.publish(call_started("c1"))
        await bus.stop()

        assert sorted(await client.hkeys("callguard:calls")) == [b"broken", b"c1", b"others"]
        assert await client.hkeys("callguard:signals") == []


async def test_supervision_stands_in_the_audit_stream(bus: WiredBus) -> None:
    bus.publish(call_started())
    bus.publish(supervision_started())
    await bus.flush(5)

    (entry,) = entries(await bus.client.xrange("callguard:audit"))
    assert json.loads(entry.fields["entry"])["type"] == "io.callguard.supervision.started.v1"


async def test_an_outage_loses_no_alert_and_no_order(stoppable_valkey: StoppableValkey) -> None:
    """Redis is away for three seconds while alerts go on; all arrive, once, in order, the outage told around them."""
    bus = WiredBus(RedisConfig(url=stoppable_valkey.url), "n1")
    await bus.start()
    slowest = 0.0
    for number in range(100):
        if number == 20:
            stoppable_valkey.stop()
        if number == 80:
            await asyncio.to_thread(stoppable_valkey.start)
        begun = time.perf_counter()
        bus.publish(alert_fired(alert=f"a{number}"))
        slowest = max(slowest, time.perf_counter() - begun)
        await asyncio.sleep(0.05)
    assert await bus.flush(10)
    sent = await stream(bus.client)
    await bus.stop()

    assert [item.data["alert"] for item in sent if item.type.startswith(ALERT)] == [f"a{n}" for n in range(100)]
    assert len({item.id for item in sent}) == len(sent)
    health = [item.type.split(".")[3] for item in sent if ".node." in item.type]
    assert health == ["degraded", "recovered"]
    assert slowest < 0.1, "publish() must not wait for Redis"


async def test_a_refused_password_is_one_error_in_the_log_with_what_to_do() -> None:
    server = start_valkey()
    url = f"redis://127.0.0.1:{server.port}/0"
    bus = WiredBus(RedisConfig(url=url), "n1")
    try:
        async with Redis.from_url(url) as client:
            await client.config_set("requirepass", "hunter2")
        with structlog.testing.capture_logs() as logs:
            await bus.start()
            for _ in range(2):
                bus.publish(call_started("c1"))
                await asyncio.sleep(0.3)
            await bus.stop()
    finally:
        server.stop()
    (error,) = [line for line in logs if line["log_level"] == "error"]
    assert error["event"] == "redis_refused"
    assert "redis.password" in error["advice"]


async def test_redis_that_starts_after_us_gets_all(stoppable_valkey: StoppableValkey) -> None:
    stoppable_valkey.stop()
    bus = WiredBus(RedisConfig(url=stoppable_valkey.url), "n1")
    await bus.start()
    bus.publish(call_started())
    assert not await bus.flush(0.3)
    assert not bus.stats.connected

    await asyncio.to_thread(stoppable_valkey.start)
    assert await bus.flush(10)
    assert bus.stats.connected
    assert "c1" in await bus.client.hgetall("callguard:calls")
    await bus.stop()


async def test_lists_are_written_anew_when_the_server_lost_them(bus: WiredBus) -> None:
    bus.publish(call_started("c1"))
    await bus.flush(5)
    await bus.client.flushdb()
    bus._lost(ConnectionError("restart"))
    await bus.flush(5)

    assert "c1" in await bus.client.hgetall("callguard:calls")


async def test_overflow_drops_others_before_alerts_and_says_so(stoppable_valkey: StoppableValkey) -> None:
    stoppable_valkey.stop()
    bus = WiredBus(RedisConfig(url=stoppable_valkey.url, buffer=100), "n1")
    await bus.start()
    tap = TapOpened(call="c1", leg="agent", tap="t", channel="PJSIP/1", path="audiosocket")
    for number in range(90):
        bus.publish(alert_fired(alert=f"a{number}"))
        bus.publish(tap)
    assert bus.stats.dropped > 70

    await asyncio.to_thread(stoppable_valkey.start)
    assert await bus.flush(10)
    sent = await stream(bus.client)
    await bus.stop()
    assert [item.data["alert"] for item in sent if item.type.startswith(ALERT)] == [f"a{n}" for n in range(90)]
    reasons = [item.data["reason"] for item in sent if ".node." in item.type]
    assert "bus_overflow" in reasons
    assert any("events dropped" in reason for reason in reasons)


async def test_a_delivery_whose_answer_was_lost_is_not_repeated(bus: WiredBus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server took the transaction, the connection broke before its answer came."""
    await bus.flush(5)
    await wait_for(lambda: bus.stats.connected)
    kept = bus._sent
    failures = iter([ConnectionError("answer lost")])

    def lose_first_answer() -> None:
        error = next(failures, None)
        if error:
            bus._doubtful = True
            raise error
        kept()

    monkeypatch.setattr(bus, "_sent", lose_first_answer)
    bus.publish(alert_fired())
    await wait_for(lambda: bus.stats.waiting == 0)

    assert [item.type for item in await stream(bus.client)].count(f"{ALERT}fired.v1") == 1


async def test_the_head_of_the_audit_chain_is_published_and_counted(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "ANCHOR_S", 0.05)
    bus = WiredBus(RedisConfig(url=redis_url), "n1")
    await bus.start()
    for number in range(2):
        bus.publish(supervision_started("c1", session=f"s{number}"))
    await bus.flush(5)
    anchored = "io.callguard.audit.anchored.v1"

    async def told() -> list[Any]:
        read = entries(await bus.client.xrange("callguard:events"))
        return [json.loads(each.fields["event"])["data"] for each in read if each.fields["type"] == anchored]

    while not (found := await told()):
        await asyncio.sleep(0.02)
    newest = entries(await bus.client.xrange("callguard:audit"))[-1]
    assert (found[0]["entries"], found[0]["hash"]) == (2, newest.fields["hash"])
    assert bus.stats.audited == 2
    await bus.stop()


async def test_an_audit_stream_that_was_deleted_is_told_as_an_outage(redis_url: str, tmp_path: Path) -> None:
    for life in range(2):
        bus = WiredBus(RedisConfig(url=redis_url), "n1", Journal(tmp_path / "n1.journal"))
        told: list[Any] = []
        bus.hub.connect(lambda happened, told=told: told.append(happened.event))
        await bus.start()
        bus.publish(supervision_started("c1", session=f"s{life}"))
        await bus.flush(5)
        degraded = [event.reason for event in told if event.TYPE == "node.degraded.v1"]
        assert [reason.split(":")[0] for reason in degraded] == (["audit"] if life else [])
        await bus.client.delete("callguard:audit")
        await bus.stop()
