"""The alert manager feeds the store, publishes before it acts, and remembers over a restart."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from callguard.alerts import AlertStore, Outcome
from callguard.alerts.effects import Effect, RingSupervisors
from callguard.alerts.policy import Policy
from callguard.alerts.silences import SilenceScope
from callguard.alerts.store import Where
from callguard.config import SupervisorConfig
from callguard.contracts.events import CallEnded, CallStarted, Event, SupervisionStarted, published
from callguard.contracts.messages import Transition
from callguard.control.alert_manager import AlertManager
from tests.support.crashing import Node, World

POLICY = Policy(supervisors=(SupervisorConfig(name="lead", endpoint="PJSIP/s1"),))


class Floor:
    """What an alert manager talks to; its memory too."""

    def __init__(self) -> None:
        self.said: list[Event | Effect | str] = []
        self.calls = {"1.1": Where("support", "anna")}
        self.kept: dict[str, str] = {}
        self.known = True
        self.shown: list[tuple[Event, float]] = []

    async def recall(self) -> dict[str, str] | None:
        return dict(self.kept) if self.known else None

    def begin_copying(self) -> None:
        self.said.append("copying")

    def keep(self, changes: Mapping[str, str | None]) -> None:
        self.said += [f"keep {key}" for key in changes]
        for key, text in changes.items():
            if text is None:
                del self.kept[key]
            else:
                self.kept[key] = text

    def manager(self) -> AlertManager:
        numbers = itertools.count()
        store = AlertStore(POLICY, lambda: f"a{next(numbers)}")
        return AlertManager(
            store, self.calls.get, self.said.append, self._act, self, lambda *shown: self.shown.append(shown)
        )

    def _act(self, effects: Iterable[Effect]) -> None:
        self.said += effects

    @property
    def kinds(self) -> list[str]:
        return [type(each).__name__ for each in self.said]


@pytest.fixture
def floor() -> Floor:
    return Floor()


def fired(call: str = "1.1", actions: tuple[str, ...] = ("ring_whisper",)) -> Transition:
    return Transition("fired", call, "Loud", "customer", 0.0, actions=actions)


async def test_an_alert_is_published_before_anybody_is_rung(floor: Floor) -> None:
    floor.manager().transition(fired())
    assert floor.kinds.index("AlertFired") < floor.kinds.index("RingSupervisors")


async def test_what_was_decided_is_kept_before_anybody_is_rung(floor: Floor) -> None:
    floor.manager().transition(fired())
    kept = [floor.said.index(f"keep {part}") for part in ("alert|a0", "ring|1.1")]
    assert max(kept) < floor.kinds.index("RingSupervisors")


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
    first.silence("lead", "fire drill", 60, SilenceScope(queue="support"))
    await first.stop()
    second = floor.manager()
    await second.start()
    await second.stop()
    assert [silence.why for silence in second._store.silences(time.time())] == ["fire drill"]


async def test_a_silence_stops_the_phones_and_its_end_rings_again(floor: Floor) -> None:
    manager = floor.manager()
    manager.transition(fired())
    floor.said.clear()
    silence = manager.silence("lead", "fire drill", 60, SilenceScope(queue="support"))
    assert "StopRinging" in floor.kinds
    assert manager.scope_of(silence.id) == silence.scope
    floor.said.clear()
    manager.unsilence(silence.id)
    assert "RingSupervisors" in floor.kinds
    assert manager.scope_of(silence.id) is None


async def test_what_people_and_phones_tell_reaches_the_alert(floor: Floor) -> None:
    manager = floor.manager()
    manager.available("lead", "busy")
    assert (manager.phones(), manager.waiting()) == ({"busy": 1}, 0)
    manager.transition(fired())
    assert (manager.waiting(), "RingSupervisors" in floor.kinds) == (1, False)
    manager.available("lead", None)
    assert (manager.waiting(), "RingSupervisors" in floor.kinds) == (0, True)
    (alert,) = manager.open()
    assert (manager.find(alert.id), manager.find("none"), manager.find(None)) == (alert, None, None)
    assert (manager.queue_of(alert.id), manager.queue_of("none")) == ("support", None)
    floor.said.clear()
    manager.unanswered(alert.id)
    assert floor.kinds != []
    manager.acknowledge(alert.id, "lead")
    assert "AlertAcknowledged" in floor.kinds
    for keyed in (alert.id, None, "none"):
        manager.judged(keyed, "useful", "lead")
    assert floor.kinds.count("AlertJudged") == 1


async def test_an_alert_whose_worker_was_lost_must_be_confirmed(floor: Floor) -> None:
    manager = floor.manager()
    manager.transition(fired())
    (alert,) = manager.open()
    manager.worker_lost(["2.2"])
    assert alert.confirm_by is None
    manager.worker_lost(["2.2", "1.1"])
    assert alert.confirm_by is not None


async def test_a_memory_out_of_reach_at_the_start_is_recalled_later(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.control.alert_manager.TICK_S", 0.01)
    first = floor.manager()
    first.silence("lead", "fire drill", 60, SilenceScope())
    floor.said.clear()
    floor.known = False
    second = floor.manager()
    await second.start()
    await asyncio.sleep(0.05)
    assert "copying" not in floor.said, "what is remembered must not be written over"
    floor.known = True
    await asyncio.sleep(0.05)
    await second.stop()
    assert len(second._store.silences(time.time())) == 1
    assert "copying" in floor.said


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


async def test_an_alert_of_a_customer_who_waits_for_the_agent_stays_until_the_customer_is_gone(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Restarted in a consultation: the call is not known before the agent is back with the customer."""
    monkeypatch.setattr("callguard.control.alert_manager.TICK_S", 0.01)
    first = floor.manager()
    await first.start()
    floor.calls["1.1"] = Where()
    first.transition(fired("1.1"))
    [alert] = [alert.id for alert in first.open()]
    await first.stop()
    waiting = {"1.1"}
    second = floor.manager()
    await second.start()
    second.calls_known({}, waiting.__contains__)
    await asyncio.sleep(0.05)
    assert [alert.id for alert in second.open()] == [alert]
    waiting.clear()
    await asyncio.sleep(0.05)
    await second.stop()
    assert second.open() == []


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


async def test_open_alerts_are_shown_again_when_their_call_is_found_after_a_restart(floor: Floor) -> None:
    first = floor.manager()
    first.transition(fired())
    before = time.time()
    second = floor.manager()
    await second.start()
    floor.said.clear()
    for call in ("9.9", "1.1"):
        second.see(published(CallStarted(call=call, mode="raised_voice"), "test"))
    await second.stop()
    ((event, at),) = floor.shown
    assert (type(event).__name__, event.call) == ("AlertFired", "1.1")
    assert at == pytest.approx(before, abs=1)
    assert "AlertFired" not in floor.kinds


async def test_no_decision_is_lost_by_kills_at_200_random_moments(redis_url: str, tmp_path: Path) -> None:
    """A storm of alerts, real Valkey, a webhook that refuses every other message, and no life longer than 30 ms."""
    world = World(seed=5)
    for _ in range(200):
        node = Node(world, redis_url, tmp_path / "n1.journal")
        await node.live()
        storm = asyncio.create_task(node.storm())
        await asyncio.sleep(world.chance.uniform(0, 0.03))
        await node.kill()
        assert storm.done()
    last = Node(world, redis_url, tmp_path / "n1.journal")
    await last.live()
    await last.calm()
    stream = [json.loads(fields["event"]) for _, fields in await last.bus.client.xrange("callguard:events")]
    await last.kill()

    assert len(world.decided) > 50  # several hundred, unless the machine is busy
    posts = [(post.type.split(".")[3], post.data["alert"], post.id) for post in world.posts]
    told = [
        (event["type"].split(".")[3], event["data"]["alert"], event["id"])
        for event in stream
        if "alert" in event["type"]
    ]
    for delivered in (posts, told):
        assert world.decided.keys() <= {alert for kind, alert, _ in delivered if kind == "fired"}
        assert world.decided.keys() <= {alert for kind, alert, _ in delivered if kind == "resolved"}
        assert len({each[:2] for each in delivered}) == len(set(delivered)), "doubles carry the same identifier"
    first = {each[:2]: place for place, each in reversed(list(enumerate(posts)))}
    assert all(first["fired", alert] < place for (kind, alert), place in first.items() if kind == "resolved")
    assert world.rung
