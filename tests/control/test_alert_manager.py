"""The alert manager feeds the store, publishes before it acts, and remembers over a restart."""

import asyncio
import itertools
from collections.abc import Iterable

import pytest
import redis.asyncio

from callguard.alerts import AlertStore, Outcome
from callguard.alerts.effects import Effect, RingSupervisors
from callguard.alerts.policy import Policy
from callguard.alerts.silences import SilenceScope
from callguard.alerts.store import Where
from callguard.config import SupervisorConfig
from callguard.contracts.events import CallEnded, Event, SupervisionStarted, published
from callguard.contracts.messages import Transition
from callguard.control.alert_manager import AlertManager
from tests.support.valkey import StoppableValkey

POLICY = Policy(supervisors=(SupervisorConfig(name="lead", endpoint="PJSIP/s1"),))
KEY = "callguard:book:test"


class Floor:
    """What an alert manager talks to."""

    def __init__(self, url: str) -> None:
        self.said: list[Event | Effect] = []
        self.calls = {"1.1": Where("support", "anna")}
        self.client = redis.asyncio.Redis.from_url(url, decode_responses=True)

    def manager(self) -> AlertManager:
        numbers = itertools.count()
        store = AlertStore(POLICY, lambda: f"a{next(numbers)}")
        return AlertManager(store, self.calls.get, self.said.append, self._act, (self.client, KEY))

    def _act(self, effects: Iterable[Effect]) -> None:
        self.said += effects

    @property
    def kinds(self) -> list[str]:
        return [type(each).__name__ for each in self.said]


@pytest.fixture
async def floor(redis_url: str) -> Floor:
    return Floor(redis_url)


def fired(call: str = "1.1", actions: tuple[str, ...] = ("ring_whisper",)) -> Transition:
    return Transition("fired", call, "Loud", "customer", 0.0, actions=actions)


async def test_an_alert_is_published_before_anybody_is_rung(floor: Floor) -> None:
    floor.manager().transition(fired())
    assert floor.kinds.index("AlertFired") < floor.kinds.index("RingSupervisors")


async def test_a_rule_about_a_call_that_is_over_says_nothing(floor: Floor) -> None:
    floor.manager().transition(fired("9.9"))
    assert floor.said == []


async def test_who_joins_takes_the_alert_and_the_end_of_the_call_resolves_it(floor: Floor) -> None:
    manager = floor.manager()
    manager.transition(fired())
    ring = next(each for each in floor.said if isinstance(each, RingSupervisors))
    started = SupervisionStarted(call="1.1", session="s", supervisor="lead", mode="whisper", alert=ring.alert, ring_s=1)
    manager.see(published(started, "test"))
    assert "AlertAcknowledged" in floor.kinds
    manager.see(published(CallEnded(call="1.1", mode="raised_voice", duration_s=9), "test"))
    assert "AlertResolved" in floor.kinds
    assert manager._store.open() == []


async def test_silences_survive_a_restart(floor: Floor) -> None:
    first = floor.manager()
    await first.start()
    now = 2_000_000_000.0
    first._store.silence("lead", "fire drill", now, now + 60, SilenceScope(queue="support"))
    await first.stop()
    second = floor.manager()
    await second.start()
    await second.stop()
    assert [silence.why for silence in second._store.silences(now)] == ["fire drill"]


async def test_a_memory_out_of_reach_at_the_start_is_recalled_later(
    stoppable_valkey: StoppableValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.control.alert_manager.SAVE_S", 0.05)
    floor = Floor(stoppable_valkey.url)
    first = floor.manager()
    await first.start()
    first._store.silence("lead", "fire drill", 2e9, 2e9 + 60, SilenceScope())
    await first.stop()
    stoppable_valkey.stop()
    second = floor.manager()
    await second.start()
    stoppable_valkey.start()
    for _ in range(100):
        if second._store.silences(2e9):
            break
        await asyncio.sleep(0.05)
    await second.stop()
    assert len(second._store.silences(2e9)) == 1


@pytest.mark.parametrize("recalled", ["first", "last"])
async def test_an_alert_of_a_call_that_ended_while_nobody_watched_ends(floor: Floor, recalled: str) -> None:
    """Whether Redis or Asterisk answers first after a restart."""
    first = floor.manager()
    await first.start()
    for call in ("1.1", "2.2"):
        floor.calls[call] = Where()
        first.transition(fired(call))
    await first.stop()
    floor.said.clear()
    second = floor.manager()
    if recalled == "first":
        await second.start()
    second.calls_known({"2.2"})
    if recalled == "last":
        await second.start()
    await second.stop()
    assert [alert.call for alert in second._store.open()] == ["2.2"]
    assert floor.kinds.count("AlertResolved") == 1


async def test_a_memory_that_cant_be_read_is_no_obstacle(floor: Floor) -> None:
    await floor.client.set(KEY, '{"version": 99}')
    manager = floor.manager()
    await manager.start()
    await manager.stop()
    assert manager._store.open() == []


async def test_a_mistake_at_one_tick_does_not_end_time(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callguard.control.alert_manager.TICK_S", 0.01)
    manager = floor.manager()
    ticks: list[float] = []

    def tick(now: float) -> Outcome:
        ticks.append(now)
        if len(ticks) == 1:
            raise KeyError("alert")
        return Outcome()

    monkeypatch.setattr(manager._store, "tick", tick)
    await manager.start()
    async with asyncio.timeout(3):
        while len(ticks) < 3:
            await asyncio.sleep(0.01)
    await manager.stop()
