"""An outage is published once when it begins and once when it is over, however often a part tells of it."""

from callguard.contracts.events import Event, NodeDegraded, NodeRecovered
from callguard.runtime.outages import Outages


def test_each_outage_is_told_once_when_it_begins_and_once_when_it_is_over() -> None:
    events: list[Event] = []
    outages = Outages("n1", events.append)
    for why in ("event socket lost", "connection refused"):
        outages.away("ari", why)
    outages.back("ami")
    outages.away("redis")
    assert outages.parts == {"ari": "event socket lost", "redis": ""}
    for _ in range(3):
        outages.back("ari")
    assert outages.parts == {"redis": ""}
    outages.away("ari")
    assert events == [
        NodeDegraded(node="n1", reason="ari: event socket lost"),
        NodeDegraded(node="n1", reason="redis"),
        NodeRecovered(node="n1", reason="ari"),
        NodeDegraded(node="n1", reason="ari"),
    ]


def test_a_part_may_report_its_state() -> None:
    events: list[Event] = []
    outages = Outages("n1", events.append)
    for why in (None, "", "", None):
        outages.report("ami", why)
    assert events == [NodeDegraded(node="n1", reason="ami"), NodeRecovered(node="n1", reason="ami")]


def test_what_an_outage_cost_is_told_at_its_end() -> None:
    events: list[Event] = []
    outages = Outages("n1", events.append)
    outages.away("bus_overflow")
    outages.back("bus_overflow", "3 events dropped")
    assert events[-1] == NodeRecovered(node="n1", reason="bus_overflow: 3 events dropped")
