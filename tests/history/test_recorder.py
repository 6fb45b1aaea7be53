"""What is kept of calls and callers: cards, counts that outlive a crash, and nothing after an opt-out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from callguard.asterisk.discovery.calls import Call
from callguard.config import Config
from callguard.config import Redis as RedisConfig
from callguard.contracts.cards import CallerHistory
from callguard.contracts.events import CallEnded, Event, PromptPlayed, SupervisionModeChanged
from callguard.history import recorder as module
from callguard.history.recorder import Recorder
from callguard.runtime.journal import Journal
from callguard.testbed.valkey import StoppableValkey
from tests.support.bus import WiredBus
from tests.support.events import alert_fired, call_ended, call_started, supervision_started

NUMBER = "+49 30 1234"


def call(number: str = NUMBER) -> Call:
    nothing: dict[str, Any] = dict.fromkeys(("agent", "agent_channel", "member", "interface", "queue", "wait_s"))
    return Call(
        id="c1",
        customer="c1",
        customer_channel="PJSIP/x-1",
        mode="raised_voice",
        started_at=0.0,
        number=number,
        **nothing,
    )


class Run:
    """One run of the service, as far as records go; `calls` are those that Asterisk has now."""

    def __init__(self, bus: WiredBus, config: Config, journal: Journal) -> None:
        self.bus = bus
        self.journal = journal
        self.calls: dict[str, Call] = {"c1": call()}
        self.records = Recorder(bus, self.calls, config, journal)
        bus.hub.connect(self.records.see)

    async def tell(self, *events: Event) -> None:
        """Publish, and wait until Redis has everything and records are done with it."""
        for event in events:
            self.bus.publish(event)
        assert await self.bus.flush(5)
        await self.settled()

    async def settled(self) -> None:
        while self.records._tasks:
            await self.records._tasks.settle(5)

    async def history(self) -> tuple[int, int, int, int] | None:
        """Calls, alerts, abuse and take-overs that the number is remembered for."""
        known: CallerHistory | None = await self.records._callers.recall(NUMBER)
        return (known.calls, known.alerts, known.abuse, known.takeovers) if known else None


@asynccontextmanager
async def run(url: str, path: Path | None = None) -> AsyncIterator[Run]:
    redis = RedisConfig(url=url)
    journal = Journal(path)
    bus = WiredBus(redis, "n1", journal)
    await bus.start()
    config = Config(node="n1", redis=redis, privacy={"number_hash_key": {"env": "NUMBER_KEY"}})  # type: ignore[arg-type]  # as in a file
    running = Run(bus, config, journal)
    running.records.resume()
    yield running
    await running.records.close()
    await bus.stop(flush_s=0.1)
    journal.close()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBER_KEY", "a key of the test's own")


@pytest.fixture
async def first(redis_url: str) -> AsyncIterator[Run]:
    async with run(redis_url) as running:
        yield running


def ended(reason: str = "hangup") -> CallEnded:
    return CallEnded(call="c1", mode="raised_voice", duration_s=9.0, reason=reason)


async def test_who_joins_gets_a_card_with_earlier_calls_and_other_events_stay_as_they_are(first: Run) -> None:
    await first.tell(call_started("c1"), alert_fired("c1", "a1"), ended())
    await first.tell(call_started("c1"), alert_fired("c1", "a2"))
    joined = first.records.with_card(supervision_started("c1"))
    card = joined.model_dump()["card"]
    assert card["earlier"]["alerts"] == 1, "this call is not an earlier one"
    assert [rose["rule"] for rose in card["rose"]] == ["CustomerRaisedVoice"]
    prompt = PromptPlayed(call="c1", prompt="slow-down")
    assert first.records.with_card(prompt) is prompt


async def test_a_call_adds_to_its_number_when_it_ends(first: Run) -> None:
    takeover = SupervisionModeChanged(
        call="c1", session="s1", supervisor="Ann", mode="takeover", previous="listen", by="key"
    )
    await first.tell(call_started("c1"), alert_fired("c1", "a1"), alert_fired("c1", "a2"), takeover)
    assert await first.history() is None
    await first.tell(ended())
    assert await first.history() == (1, 2, 0, 1)


async def test_what_was_counted_before_a_crash_goes_on_counting_after_it(first: Run, redis_url: str) -> None:
    """Nothing of the first run is closed: it is gone between two events."""
    await first.tell(call_started("c1"), alert_fired("c1", "a1"))
    async with run(redis_url) as second:
        await second.tell(call_started("c1"), alert_fired("c1", "a2"))
        second.records.calls_known(second.calls)
        await second.tell(ended())
        assert await second.history() == (1, 2, 0, 0)


async def test_a_call_that_ended_after_a_crash_is_counted_and_one_that_just_began_is_not_yet(
    first: Run, redis_url: str
) -> None:
    await first.tell(call_started("c1"), alert_fired("c1", "a1"))
    async with run(redis_url) as second:
        second.calls.clear()
        second.records.calls_known(second.calls)
        await second.settled()
        assert await second.history() == (1, 1, 0, 0)
        second.calls["c1"] = call()
        await second.tell(call_started("c1"))
        second.calls.clear()
        second.records.calls_known(second.calls)
        await second.settled()
        assert await second.history() == (1, 1, 0, 0), "its end is still to be told"
        await second.tell(ended())
        assert await second.history() == (2, 1, 0, 0)


async def test_whatever_happens_within_one_moment_is_counted_in_order(first: Run) -> None:
    await first.tell(call_started("c1"), alert_fired("c1", "a1"), alert_fired("c1", "a2"), ended(), call_started("c1"))
    assert await first.history() == (1, 2, 0, 0)
    await first.tell(alert_fired("c1", "a3"), ended())
    assert await first.history() == (2, 3, 0, 0)


async def test_an_opt_out_erases_events_counts_and_the_number(first: Run) -> None:
    await first.tell(call_started("c1"), alert_fired("c1", "a1"), ended())
    await first.tell(call_started("c1"), alert_fired("c1", "a2"))
    first.bus.publish(ended("opt_out"))
    assert await first.records.erased("c1") >= 3
    assert await first.history() is None
    left = await first.bus.client.keys("callguard:caller*")
    assert left == []
    kept = [fields["type"] for _, fields in await first.bus.client.xrange("callguard:events")]
    assert "io.callguard.alert.fired.v1" not in kept
    assert kept[-1] == "io.callguard.call.ended.v1"


async def test_an_opt_out_while_redis_is_away_erases_when_it_is_back(
    stoppable_valkey: StoppableValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.1)
    async with run(stoppable_valkey.url) as running:
        await running.tell(call_started("c1"), alert_fired("c1", "a1"))
        stoppable_valkey.stop()
        running.bus.publish(ended("opt_out"))
        erasing = asyncio.create_task(running.records.erased("c1"))
        await asyncio.sleep(0.5)
        assert not erasing.done()
        stoppable_valkey.start()
        await asyncio.wait_for(erasing, 10)
        left = [fields["type"] for _, fields in await running.bus.client.xrange("callguard:events")]
        assert "io.callguard.alert.fired.v1" not in left
        assert await running.bus.client.keys("callguard:caller*") == []


async def test_an_opt_out_while_redis_is_away_then_a_stop_erases_after_the_next_start(
    stoppable_valkey: StoppableValkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what waited of the call for Redis is on no disk and never gets there."""
    monkeypatch.setattr(module, "RETRY_S", 0.1)
    monkeypatch.setattr(module, "GRACE_S", 0.1)
    path = tmp_path / "state" / "n1.journal"
    async with run(stoppable_valkey.url, path) as running:
        await running.tell(call_started("c1"), alert_fired("c1", "a1"))
        stoppable_valkey.stop()
        running.bus.publish(alert_fired("c1", "a2", annotations={"summary": "a voice that rose"}))
        running.journal.commit()
        assert any(b"a voice that rose" in file.read_bytes() for file in path.parent.iterdir())
        running.bus.publish(ended("opt_out"))
        await asyncio.sleep(0.05)
        assert not any(b"a voice that rose" in file.read_bytes() for file in path.parent.iterdir())
    stoppable_valkey.start()
    async with run(stoppable_valkey.url, path) as second:
        await asyncio.wait_for(second.records.erased("c1"), 10)
        left = [fields["type"] for _, fields in await second.bus.client.xrange("callguard:events")]
        assert "io.callguard.alert.fired.v1" not in left
        assert "io.callguard.call.ended.v1" in left
        assert await second.bus.client.keys("callguard:caller*") == []
        assert second.journal.records("erasure") == second.journal.records("event") == {}


async def test_erasing_a_call_that_did_not_opt_out_is_done_at_once(first: Run) -> None:
    await first.tell(call_started("c1"), call_ended("c1"))
    assert await first.records.erased("c1") == 0


async def test_who_shows_no_number_is_counted_nowhere(first: Run) -> None:
    first.calls["c1"] = call("anonymous")
    await first.tell(call_started("c1"), alert_fired("c1", "a1"), ended())
    assert await first.bus.client.keys("callguard:caller*") == []


async def test_the_end_of_the_service_waits_for_what_is_under_way_but_not_for_ever(
    stoppable_valkey: StoppableValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE_S", 0.2)
    async with run(stoppable_valkey.url) as running:
        await running.tell(call_started("c1"))
        stoppable_valkey.stop()
        running.bus.publish(ended("opt_out"))
        await asyncio.sleep(0)
        await asyncio.wait_for(running.records.close(), 3)
        assert not running.records._tasks
        stoppable_valkey.start()
