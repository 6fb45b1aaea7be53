"""Prometheus metrics, folded from events and workers' counters. No label holds a call, a person or a number."""

import asyncio
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from callguard import __version__
from callguard.bus import BusStats
from callguard.contracts.events import (
    AlertAcknowledged,
    AlertEscalated,
    AlertFired,
    AlertResolved,
    CallEnded,
    CallStarted,
    CommandCompleted,
    CommandFailed,
    Event,
    NodeDegraded,
    NodeEvent,
    NodeHearing,
    NodeRecovered,
    Published,
    SupervisionEnded,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionStarted,
)
from callguard.contracts.messages import WorkerStats
from callguard.contracts.vocabulary import UnheardCause
from callguard.runtime import logs

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SECONDS: Final = (0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120)


class Metrics:
    """All metrics of one node."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        here = self._registry
        self._events = Counter("callguard_events", "Events published.", ["type"], registry=here)
        self._alerts = Counter("callguard_alerts", "Alerts fired.", ["rule", "severity", "shadow"], registry=here)
        self._commands = Counter("callguard_commands", "Commands answered.", ["action", "outcome"], registry=here)
        self._receivers = Counter(
            "callguard_notifications", "What ways out, rings and prompts came to.", ["way", "outcome"], registry=here
        )
        self._failed = Counter("callguard_supervision_failed", "Supervision that failed.", ["reason"], registry=here)
        self._to_ear = Histogram(
            "callguard_alert_to_ear_seconds", "From firing to somebody taking it.", buckets=SECONDS, registry=here
        )
        self._lasted = Histogram(
            "callguard_alert_seconds", "From firing to resolution.", buckets=SECONDS, registry=here
        )
        self._ring = Histogram("callguard_ring_seconds", "From ringing to answer.", buckets=SECONDS, registry=here)
        self._closed = Counter(
            "callguard_console_closed", "Connections that the console closed.", ["why"], registry=here
        )
        self._agi = Counter("callguard_agi", "Sessions of FastAGI.", ["script", "outcome"], registry=here)
        self._health = _Health(here)
        Gauge("callguard_build_info", "Version.", ["version"], registry=here).labels(__version__).set(1)
        ProcessCollector(registry=here)
        self._present = _Present()
        self._registry.register(self._present)

    def see(self, happened: Published) -> None:
        """Count one event."""
        event = happened.event
        self._events.labels(event.TYPE).inc()
        self._present.see(event)
        match event:
            case AlertFired():
                self._alerts.labels(event.rule, event.severity, str(event.shadow).lower()).inc()
            case AlertAcknowledged():
                self._to_ear.observe(event.after_s)
            case AlertResolved():
                self._lasted.observe(event.lasted_s)
            case SupervisionStarted():
                self._ring.observe(event.ring_s)
            case SupervisionFailed():
                self._failed.labels(event.reason).inc()
            case CommandCompleted():
                self._commands.labels(event.action, "completed").inc()
            case CommandFailed():
                self._commands.labels("any", "failed").inc()  # the command may be any text
            case NodeEvent():
                self._health.see(event)

    def take(self, stats: WorkerStats) -> None:
        """Take in a worker's counters, which count from its start."""
        self._present.workers[stats.worker] = stats

    def count_closed(self, why: str) -> None:
        """Count a connection that the console closed: crowded or idle."""
        self._closed.labels(why).inc()

    def count_agi(self, script: str, outcome: str) -> None:
        """Count a session of FastAGI by its script and outcome."""
        self._agi.labels(script, outcome).inc()

    def count_receiver(self, receiver: str, outcome: str) -> None:
        """Count the outcome of a receiver, a ring or a prompt."""
        self._receivers.labels(receiver, outcome).inc()

    def watch_bus(self, stats: Callable[[], BusStats]) -> None:
        """Show the figures of the bus at each reading."""
        self._present.bus = stats

    def watch_floor(self, phones: Callable[[], Tally[str]], waiting: Callable[[], int]) -> None:
        """Show at each reading the states of supervisors' phones and the number of alerts that nobody is free for."""
        self._present.phones, self._present.waiting = phones, waiting

    def watch_cutting(self, cutting: Callable[[], int]) -> None:
        """Show at each reading how many supervisors are being cut off without Asterisk's confirmation so far."""
        self._present.cutting = cutting

    def render(self) -> bytes:
        """Return all in the text format, see CONTENT_TYPE."""
        return generate_latest(self._registry)


class _Health:
    """The parts that are away, the number of heard calls, and the number of unheard calls by reason."""

    def __init__(self, registry: CollectorRegistry) -> None:
        away = "1 while a part is out of reach or overloaded."
        self._degraded = Gauge("callguard_degraded", away, ["part"], registry=registry)
        heard = "Calls whose customer is heard and can be judged."
        self._heard = Gauge("callguard_calls_heard", heard, registry=registry)
        present = "Calls that are to be heard; those opted out and those just begun are not among them."
        self._present = Gauge("callguard_calls_present", present, registry=registry)
        self._unheard = Gauge("callguard_calls_unheard", "Calls that are not heard.", ["cause"], registry=registry)
        self.see(NodeHearing(node="", heard=0, calls=0))

    def see(self, event: NodeEvent) -> None:
        """Follow a node's events about itself."""
        match event:
            case NodeDegraded():
                self._degraded.labels(_part(event.reason)).set(1)
            case NodeRecovered():
                self._degraded.labels(_part(event.reason)).set(0)
            case NodeHearing():
                self._hear(event)

    def _hear(self, event: NodeHearing) -> None:
        self._heard.set(event.heard)
        self._present.set(event.calls)
        for cause in get_args(UnheardCause):
            self._unheard.labels(cause).set(event.causes.get(cause, 0))


class _Present(Collector):
    """Gauges of the present state, computed at each reading."""

    def __init__(self) -> None:
        self.workers: dict[int, WorkerStats] = {}
        self.bus: Callable[[], BusStats] | None = None
        self.phones: Callable[[], Tally[str]] = Tally
        self.waiting: Callable[[], int] = int
        self.cutting: Callable[[], int] = int
        self._calls: set[str] = set()
        self._alerts: dict[str, tuple[str | None, str]] = {}
        self._sessions: dict[str, str] = {}

    def see(self, event: Event) -> None:
        """Follow open calls, alerts and sessions."""
        match event:
            case CallStarted(call=str(call)):
                self._calls.add(call)
            case CallEnded(call=str(call)):
                self._calls.discard(call)
                self._alerts = {key: facts for key, facts in self._alerts.items() if facts[0] != call}
            case AlertResolved():
                self._alerts.pop(event.alert, None)
            case SupervisionEnded() | SupervisionFailed():
                self._sessions.pop(event.session, None)
            case AlertFired() | AlertAcknowledged() | AlertEscalated():
                self._alerts[event.alert] = event.call, event.severity
            case SupervisionStarted(mode=str(mode)) | SupervisionModeChanged(mode=str(mode)):
                self._sessions[event.session] = mode

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of this moment."""
        yield GaugeMetricFamily("callguard_calls", "Calls that go on.", value=len(self._calls))
        severities = Tally(severity for _, severity in self._alerts.values())
        yield _gauge("callguard_alerts_open", "Alerts that are open.", "severity", severities)
        yield _gauge("callguard_supervisors", "Supervisors in calls.", "mode", Tally(self._sessions.values()))
        cutting = "Supervisors who are to be out of a call, which Asterisk has not confirmed."
        yield GaugeMetricFamily("callguard_supervision_cutting", cutting, value=self.cutting())
        yield _gauge("callguard_supervisor_phones", "Supervisors' phones: free or not.", "state", self.phones())
        waiting = "Alerts that want a ring and nobody is free for."
        yield GaugeMetricFamily("callguard_alerts_waiting", waiting, value=self.waiting())
        yield GaugeMetricFamily("callguard_tasks", "Tasks of the control process.", value=_tasks())
        unwritten = "Log lines that nobody read in time."
        yield CounterMetricFamily("callguard_log_lines_dropped", unwritten, value=logs.dropped())
        yield from self._of_bus()
        yield from self._of_workers()

    def _of_bus(self) -> Iterator[Metric]:
        if self.bus is None:
            return
        stats = self.bus()
        yield GaugeMetricFamily("callguard_redis_up", "1 while Redis answers.", value=stats.connected)
        yield GaugeMetricFamily("callguard_bus_waiting", "Events that wait for Redis.", value=stats.waiting)
        yield CounterMetricFamily("callguard_bus_dropped", "Events lost to a full buffer.", value=stats.dropped)
        yield GaugeMetricFamily("callguard_audit_entries", "Number of the newest audit entry.", value=stats.audited)

    def _of_workers(self) -> Iterator[Metric]:
        legs = GaugeMetricFamily("callguard_legs", "Tapped legs.", labels=["worker"])
        counters = CounterMetricFamily("callguard_worker", "Workers' counters.", labels=["worker", "counter"])
        ticks = GaugeMetricFamily("callguard_tick_seconds", "Time of a tick, lately.", labels=["worker", "stat"])
        for worker, stats in self.workers.items():
            legs.add_metric([str(worker)], stats.legs)
            for name, count in stats.counters.items():
                counters.add_metric([str(worker), name], count)
            for name, ms in stats.tick_ms.items():
                ticks.add_metric([str(worker), name], ms / 1000)
        yield from (legs, counters, ticks)


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # read outside an event loop
        return 0


def _gauge(name: str, text: str, label: str, values: Tally[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _part(reason: str) -> str:
    """Return the first word, which names the part; the rest is detail."""
    return reason.split(":", maxsplit=1)[0]
