"""Each cause is told once when it begins and once when it ends; the number of heard calls, when it changes."""

import asyncio
from typing import Any

import pytest

from callguard.contracts.events import Event, NodeDegraded, NodeHearing, NodeRecovered, published
from callguard.contracts.messages import WorkerStats
from callguard.control import health as module
from callguard.control.health import BEAT_S, CLOCK_STEADY_S, Health
from callguard.control.hearing import PATIENCE_S
from callguard.runtime.outages import Outages
from tests.control.test_hearing import lost, opened
from tests.support.events import call_ended, call_started, snapshot


class Node:
    """Health with clocks that a test moves."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.marked: list[Any] = []
        self.now, self.wall = 50.0, 1.7e9
        self.health = Health(
            "n1",
            self.events.append,
            Outages("n1", self.events.append),
            mark=self.marked.append,
            monotonic=lambda: self.now,
            wall=lambda: self.wall,
        )

    def see(self, *events: Event) -> None:
        for event in events:
            self.health.see(published(event, "n1"))

    def pass_by(self, seconds: float, *calls: str) -> None:
        for _ in range(round(seconds)):
            self.now, self.wall = self.now + 1, self.wall + 1
            for call in calls:
                self.health.show(snapshot(call, 0.1))
            self.health.look()

    @property
    def told(self) -> list[str]:
        names = {NodeDegraded: "-", NodeRecovered: "+"}
        return [names[type(e)] + e.reason for e in self.events if isinstance(e, NodeDegraded | NodeRecovered)]

    @property
    def heard(self) -> list[tuple[int, int, dict[Any, int]]]:
        return [(e.heard, e.calls, e.causes) for e in self.events if isinstance(e, NodeHearing)]


def stats(late: int, worker: int = 0) -> WorkerStats:
    return WorkerStats(worker, 2, {"late_ticks": late}, {})


def test_the_number_of_heard_calls_is_told_at_each_change_and_every_ten_seconds() -> None:
    node = Node()
    node.pass_by(1)
    node.see(call_started("c1"), opened())
    node.pass_by(25, "c1")
    assert node.heard == [(0, 0, {}), (1, 1, {}), (1, 1, {}), (1, 1, {})]
    assert BEAT_S == 10
    node.see(call_ended("c1"))
    node.pass_by(1)
    assert node.heard[-1] == (0, 0, {})


def test_calls_without_a_tap_are_degraded_taps_and_each_is_marked() -> None:
    node = Node()
    node.see(call_started("c1"), call_started("c2"), opened("c2"), lost("dialplan"))
    node.pass_by(PATIENCE_S + 1, "c2")
    assert node.told == [], "one look may be wrong"
    node.pass_by(1, "c2")
    (told,) = node.told
    assert told.startswith("-taps: 1 of 2 calls are not heard: ")
    assert "extensions_callguard.conf" in told
    assert node.marked[-1]["c1"].cause == "no_tap"
    assert node.heard[-1] == (1, 2, {"no_tap": 1})
    node.pass_by(3, "c1", "c2")
    assert node.told[1:] == ["+taps"]
    assert node.marked[-1] == {}


async def test_it_looks_by_itself_and_a_mistake_about_one_call_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    node, looks = Node(), []

    def look() -> None:
        looks.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr(node.health, "look", look)
    running = asyncio.create_task(node.health.run())
    async with asyncio.timeout(5):
        while len(looks) < 3:
            await asyncio.sleep(0.01)
    running.cancel()


def test_it_tells_of_one_call_whether_it_is_heard() -> None:
    node = Node()
    node.see(call_started("c1"), call_started("c2"), opened("c2"), lost("dialplan"))
    node.pass_by(PATIENCE_S + 1, "c2")
    assert [node.health.hears(call) for call in ("c1", "c2")] == [False, True]


def test_missing_room_is_the_workers_to_tell() -> None:
    node = Node()
    node.see(call_started("c1"), lost("full"))
    node.pass_by(10)
    assert (node.told, node.heard[-1]) == ([], (0, 1, {"no_room": 1}))


def test_a_process_that_was_stopped_accuses_nobody() -> None:
    node = Node()
    node.see(call_started("c1"), opened())
    node.pass_by(5, "c1")
    node.now, node.wall = node.now + 30, node.wall + 30
    node.health.look()  # before what came meanwhile is read
    node.pass_by(2, "c1")
    assert node.told == []
    assert {causes.get("no_audio", 0) for _, _, causes in node.heard} == {0}


def test_late_ticks_are_degraded_lateness_until_there_are_none() -> None:
    node = Node()
    for count in (0, 1, 2, 3, 4):
        node.health.take(stats(count))
    assert node.told == []
    node.health.take(stats(9))
    assert len(node.told) == 1
    assert node.told[0].startswith("-lateness: a worker missed 9 ticks")
    for _ in range(12):
        node.health.take(stats(9))
    assert node.told[1:] == ["+lateness"]


def test_a_worker_that_was_replaced_counts_from_nought() -> None:
    node = Node()
    node.health.take(stats(500))
    node.health.take(stats(0))
    node.health.take(stats(1))
    assert node.told == []
    node.health.take(stats(6))
    assert len(node.told) == 1, "and counts on from there"


def test_lateness_is_over_only_when_no_tick_is_late_any_more() -> None:
    node = Node()
    for count in (0, 6, 8, *[8] * 8):
        node.health.take(stats(count))
    assert len(node.told) == 1
    node.health.take(stats(8))
    assert node.told[1:] == ["+lateness"]


def test_a_clock_that_was_set_is_told_and_forgotten_when_it_is_steady() -> None:
    node = Node()
    node.pass_by(5)
    node.wall += 3600
    node.pass_by(5)
    assert node.told == ["-clock: the wall clock was set forward by 3600 s"]
    node.pass_by(CLOCK_STEADY_S)
    assert node.told[1:] == ["+clock"]
    node.wall -= 60
    node.pass_by(1)
    assert node.told[2:] == ["-clock: the wall clock was set back by 60 s"]
    node.pass_by(CLOCK_STEADY_S + 1)
    node.wall -= 1.5
    node.pass_by(5)
    assert len(node.told) == 4, "time servers may slew"
