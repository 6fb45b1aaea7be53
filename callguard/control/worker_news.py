"""Gives each message of workers to the parts that it concerns."""

from collections.abc import Callable
from typing import Protocol

from callguard.contracts.messages import (
    CallSnapshot,
    FromWorker,
    LegConnected,
    LegLost,
    PartDown,
    PartUp,
    Transition,
    WorkerLost,
    WorkerStats,
)
from callguard.control.health import Health
from callguard.runtime.outages import Outages


class Alerts(Protocol):
    """The alert manager as workers' messages reach it."""

    def transition(self, transition: Transition) -> None:
        """Take in a rule's transition."""

    def worker_lost(self, calls: tuple[str, ...]) -> None:
        """Note that the worker that judged these calls is gone."""


class WorkerNews:
    """Called with each message of a worker.

    Args:
        alerts: gets rules' transitions.
        health: gets workers' counters.
        outages: gets parts of the media plane that are down, or up again.
        on_leg: gets legs whose media came or was lost.
        on_stats: gets workers' counters.
        linked: returns a transition with links that lead somewhere.
    """

    def __init__(
        self,
        alerts: Alerts,
        health: Health,
        outages: Outages,
        on_leg: Callable[[LegConnected | LegLost], None],
        on_stats: Callable[[WorkerStats], None],
        linked: Callable[[Transition], Transition] = lambda transition: transition,
    ) -> None:
        self._alerts = alerts
        self._health = health
        self._outages = outages
        self._on_leg = on_leg
        self._on_stats = on_stats
        self._linked = linked
        self._on_snapshot: list[Callable[[CallSnapshot], None]] = []

    def on_snapshot(self, *listeners: Callable[[CallSnapshot], None]) -> None:
        """Call listeners with each call's signals, about once a second."""
        self._on_snapshot += listeners

    def __call__(self, message: FromWorker) -> None:
        """Give a message to the parts that it concerns."""
        match message:
            case Transition():
                self._alerts.transition(self._linked(message))
            case LegConnected() | LegLost():
                self._on_leg(message)
            case CallSnapshot():
                for listener in self._on_snapshot:
                    listener(message)
            case WorkerStats():
                self._health.take(message)
                self._on_stats(message)
            case WorkerLost():
                self._alerts.worker_lost(message.calls)
            case PartDown():
                self._outages.away(message.part, message.why)
            case PartUp():
                self._outages.back(message.part)
