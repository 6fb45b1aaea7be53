"""What a worker says reaches the part that it is for, and no other."""

from typing import Any

from callguard.contracts.events import NodeDegraded, NodeRecovered
from callguard.contracts.messages import LegConnected, LegLost, PartDown, PartUp, Transition, WorkerLost, WorkerStats
from callguard.control.health import Health
from callguard.control.worker_news import WorkerNews
from callguard.runtime.outages import Outages
from tests.support.events import snapshot


class Parts:
    """Notes who was told what."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        emit = lambda event: self.note("events", event)  # noqa: E731
        outages = Outages("n1", emit)
        self.news = WorkerNews(
            self,
            Health("n1", emit, outages),
            outages,
            lambda message: self.note("legs", message),
            lambda stats: self.note("metrics", stats),
        )
        self.news.on_snapshot(lambda shot: self.note("board", shot), lambda shot: self.note("bus", shot))

    def note(self, part: str, what: Any) -> None:
        self.told.append((part, what))

    def transition(self, transition: Transition) -> None:
        self.note("alerts", transition)

    def worker_lost(self, calls: tuple[str, ...]) -> None:
        self.note("lost calls", calls)


def told(message: Any) -> list[tuple[str, Any]]:
    parts = Parts()
    parts.news(message)
    return parts.told


def test_each_message_reaches_its_part() -> None:
    fired = Transition("fired", "c1", "Loud", "customer", 0.0)
    stats = WorkerStats(0, 2, {}, {})
    assert told(fired) == [("alerts", fired)]
    assert told(LegConnected("leg")) == [("legs", LegConnected("leg"))]
    assert told(LegLost("leg", "eof")) == [("legs", LegLost("leg", "eof"))]
    assert told(stats) == [("metrics", stats)]
    assert told(WorkerLost(0, ("c1",))) == [("lost calls", ("c1",))]


def test_every_listener_gets_a_snapshot() -> None:
    shot = snapshot("c1")
    assert told(shot) == [("board", shot), ("bus", shot)]


def test_a_part_that_is_down_degrades_the_node_until_it_is_up() -> None:
    parts = Parts()
    for message in (PartDown("room", "full"), PartUp("room")):
        parts.news(message)
    assert [event for _, event in parts.told] == [
        NodeDegraded(node="n1", reason="room: full"),
        NodeRecovered(node="n1", reason="room"),
    ]
