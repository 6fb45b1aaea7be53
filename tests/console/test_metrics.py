"""Metrics say what ops need, with few labels."""

import asyncio
import re
from collections import Counter

from callguard.bus import BusStats
from callguard.console.metrics import Metrics
from callguard.contracts.events import (
    AlertAcknowledged,
    CommandCompleted,
    CommandFailed,
    Event,
    NodeDegraded,
    NodeHearing,
    NodeRecovered,
    SupervisionEnded,
    published,
)
from callguard.contracts.messages import WorkerStats
from tests.support.events import alert_fired, alert_resolved, call_ended, call_started, supervision_started


def after(*events: Event, metrics: Metrics | None = None) -> dict[str, float]:
    metrics = metrics or Metrics()
    for event in events:
        metrics.see(published(event, "n1"))
    lines = metrics.render().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_calls_alerts_and_supervisors_that_are_there_now() -> None:
    events: list[Event] = [call_started("c1"), call_started("c2"), alert_fired("c1", "a1"), supervision_started("c1")]
    now = after(*events)
    assert now["callguard_calls"] == 2
    assert now['callguard_alerts_open{severity="warning"}'] == 1
    assert now['callguard_supervisors{mode="whisper"}'] == 1

    ended = SupervisionEnded(
        call="c1", session="s1", supervisor="Ann", mode="whisper", reason="supervisor_left", lasted_s=5
    )
    now = after(*events, alert_resolved("c1", "a1"), ended, call_ended("c1"))
    assert now["callguard_calls"] == 1
    assert not [name for name in now if name.startswith(("callguard_alerts_open{", "callguard_supervisors{"))]


def test_an_alert_of_a_call_that_ended_is_not_open() -> None:
    now = after(call_started("c1"), alert_fired("c1", "a1"), call_ended("c1"))

    assert 'callguard_alerts_open{severity="warning"}' not in now


def test_supervisors_phones_and_alerts_that_nobody_is_free_for_are_shown() -> None:
    metrics = Metrics()
    metrics.watch_floor(lambda: Counter(free=2, busy=1), lambda: 3)
    metrics.watch_cutting(lambda: 2)
    now = after(metrics=metrics)

    assert now['callguard_supervisor_phones{state="free"}'] == 2
    assert now['callguard_supervisor_phones{state="busy"}'] == 1
    assert now["callguard_alerts_waiting"] == 3
    assert now["callguard_supervision_cutting"] == 2


def test_alert_to_ear_is_measured() -> None:
    taken = AlertAcknowledged(call="c1", alert="a1", rule="r", leg="customer", by="Ann", after_s=4.0)
    now = after(alert_fired("c1", "a1"), taken)

    assert now["callguard_alert_to_ear_seconds_sum"] == 4.0
    assert now['callguard_alerts_total{rule="CustomerRaisedVoice",severity="warning",shadow="false"}'] == 1


def test_commands_by_outcome() -> None:
    now = after(CommandCompleted(command="1", action="stop"), CommandFailed(command="2", action="x" * 50, reason="no"))

    assert now['callguard_commands_total{action="stop",outcome="completed"}'] == 1
    assert now['callguard_commands_total{action="any",outcome="failed"}'] == 1


def test_sessions_of_fastagi_by_script_and_outcome() -> None:
    metrics = Metrics()
    metrics.count_agi("caller", "done")
    assert after(metrics=metrics)['callguard_agi_total{outcome="done",script="caller"}'] == 1


def test_how_many_calls_are_heard_and_why_others_are_not() -> None:
    now = after()
    assert (now["callguard_calls_heard"], now["callguard_calls_present"]) == (0, 0)
    assert now['callguard_calls_unheard{cause="no_tap"}'] == 0, "a series that is not there can't be alerted on"
    metrics = Metrics()
    deaf = NodeHearing(node="n1", heard=38, calls=40, causes={"no_tap": 1, "no_room": 1, "opted_out": 3})
    now = after(deaf, metrics=metrics)
    assert (now["callguard_calls_heard"], now["callguard_calls_present"]) == (38, 40)
    assert now['callguard_calls_unheard{cause="no_tap"}'] == 1
    assert now['callguard_calls_unheard{cause="opted_out"}'] == 3
    now = after(NodeHearing(node="n1", heard=40, calls=40), metrics=metrics)
    assert now["callguard_calls_heard"] == 40
    assert {value for name, value in now.items() if name.startswith("callguard_calls_unheard")} == {0}


def test_degraded_by_part() -> None:
    lost = NodeDegraded(node="n1", reason="bus_overflow: 3 events dropped")
    assert after(lost)['callguard_degraded{part="bus_overflow"}'] == 1
    assert after(lost, NodeRecovered(node="n1", reason="bus_overflow"))['callguard_degraded{part="bus_overflow"}'] == 0


def test_workers_and_the_bus_are_shown_as_they_stand() -> None:
    metrics = Metrics()
    metrics.watch_bus(lambda: BusStats(connected=False, waiting=7, published=1, dropped=2, audited=5))
    metrics.take(WorkerStats(worker=0, legs=12, counters={"late_ticks": 3}, tick_ms={"p99": 8.0}))
    metrics.count_receiver("webhook:chat", "retried")
    now = after(metrics=metrics)

    assert now["callguard_redis_up"] == 0
    assert now["callguard_bus_waiting"] == 7
    assert now["callguard_bus_dropped_total"] == 2
    assert now["callguard_audit_entries"] == 5
    assert now['callguard_legs{worker="0"}'] == 12
    assert now['callguard_worker_total{counter="late_ticks",worker="0"}'] == 3
    assert now['callguard_tick_seconds{stat="p99",worker="0"}'] == 0.008
    assert now['callguard_notifications_total{outcome="retried",way="webhook:chat"}'] == 1


def test_a_thousand_calls_make_no_more_series_than_one() -> None:
    def series(calls: int) -> int:
        events = [event for n in range(calls) for event in (call_started(f"c{n}"), alert_fired(f"c{n}", f"a{n}"))]
        return len(after(*events))

    assert series(1) == series(1000)


def test_no_series_names_a_call_or_a_person() -> None:
    metrics = Metrics()
    for event in (call_started("call-77"), alert_fired("call-77", "a1"), supervision_started("call-77")):
        metrics.see(published(event, "n1"))

    assert not re.search("call-77|Ann|Alex|sales", metrics.render().decode())


async def test_what_the_control_process_holds_is_shown() -> None:
    before = after()
    waiting = [asyncio.create_task(asyncio.sleep(60)) for _ in range(3)]
    now = after()
    for task in waiting:
        task.cancel()

    assert now["callguard_tasks"] == before["callguard_tasks"] + 3
    assert now["process_resident_memory_bytes"] > 1e6
    assert now["process_open_fds"] > 0
