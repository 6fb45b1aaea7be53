"""Fold events into the present calls, alerts and supervisors. Pure.

The bus keeps the overview in Redis for lists; the console and `watch` draw it. Folding is idempotent: a repeated event
changes nothing.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from callguard.bus.nodes import Heard
from callguard.contracts.events import (
    AlertAcknowledged,
    AlertEscalated,
    AlertEvent,
    AlertFired,
    AlertPending,
    AlertResolved,
    CallEnded,
    CallFactsEvent,
    Event,
    NodeDegraded,
    NodeEvent,
    NodeHearing,
    NodeRecovered,
    NodeStarted,
    NodeStopped,
    Published,
    SupervisionEnded,
    SupervisionEvent,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionRequested,
    SupervisionRinging,
    SupervisionStarted,
    TapEvent,
    TapLost,
)
from callguard.contracts.messages import CallSnapshot
from callguard.contracts.vocabulary import SEVERITIES

CURVE_S: Final = 60
"""Seconds of a call's raised voice that a board shows; snapshots come about once a second."""
RECENT: Final = 20
"""Number of closed alerts that are kept."""
_OPEN: Final = ("fired", "escalated")
_STATES: Final[dict[type[Event], str]] = {
    AlertPending: "pending", AlertFired: "fired", AlertEscalated: "escalated", AlertAcknowledged: "acknowledged",
    AlertResolved: "resolved",
}  # fmt: skip
_CALL_FACTS: Final = (
    "queue",
    "mode",
    "agent",
    "customer_channel",
    "agent_channel",
    "wait_s",
    "language",
    "on_hold",
    "unknown",
)
_ALERT_FACTS: Final = (
    "rule", "leg", "severity", "labels", "annotations", "queue", "agent", "shadow", "score", "basis",
    "evidence", "silenced_by", "inhibited_by", "merged", "passed_over",
)  # fmt: skip
_WHY_NOT: Final[dict[str, str]] = {
    "busy": "phone busy",
    "unreachable": "phone out of reach",
    "in_call": "in a call",
    "ringing": "rung for another",
    "budget": "budget spent",
}


class Change(NamedTuple):
    """An item that an event changed; it is gone if the overview no longer holds it."""

    kind: str
    """`call` or `alert`."""
    key: str


@dataclass(slots=True)
class AlertView:
    """An open alert."""

    alert: str
    call: str
    node: str
    since: float
    """Unix time of its first event."""
    state: str = "pending"
    """pending, fired, acknowledged, escalated, resolved."""
    rule: str = ""
    leg: str = "call"
    severity: str = "warning"
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    queue: str | None = None
    agent: str | None = None
    shadow: bool = False
    score: float = 0.0
    basis: str = "none"
    evidence: dict[str, Any] = field(default_factory=dict)
    silenced_by: str | None = None
    inhibited_by: str | None = None
    merged: bool = False
    passed_over: dict[str, str] = field(default_factory=dict)
    """Reason for each supervisor who could not be rung, by name; events.PassedOver."""
    by: str | None = None
    """Supervisor who took the alert."""
    tier: int | None = None
    reason: str | None = None
    """Reason of the resolution."""

    @property
    def rank(self) -> int:
        """Return the alert's urgency: 0 for none, else by severity; an alert that no supervisor took counts double."""
        if self.state == "pending" or self.shadow:
            return 0
        base = SEVERITIES.index(self.severity) if self.severity in SEVERITIES else 1
        quiet = self.silenced_by or self.inhibited_by or self.state not in _OPEN
        return 1 + base + (0 if quiet else len(SEVERITIES))


@dataclass(slots=True)
class CallView:
    """A present call."""

    call: str
    node: str
    started_at: float
    """Unix time at which both parties were joined."""
    queue: str | None = None
    mode: str = "off"
    agent: str | None = None
    customer_channel: str | None = None
    agent_channel: str | None = None
    wait_s: float | None = None
    language: str | None = None
    on_hold: bool = False
    taps: dict[str, str] = field(default_factory=dict)
    """State of each leg: open, lost."""
    supervisors: dict[str, dict[str, str]] = field(default_factory=dict)
    """Per session: supervisor, mode, state (ringing, joined, waiting while customer and agent are apart, cutting while
    they are to be out and Asterisk has not confirmed it)."""
    unknown: str | None = None
    """Why nobody can tell who is the customer; such a call is not judged."""
    card: dict[str, Any] | None = None
    """Warm handoff of the supervisor who joined last, cards.HandoffCard."""
    unheard: dict[str, str] | None = None
    """`cause` and `why` of a customer who is not heard."""


class Overview:
    """Calls and alerts by key, and the latest signals per call."""

    def __init__(self) -> None:
        self.calls: dict[str, CallView] = {}
        self.alerts: dict[str, AlertView] = {}
        self.signals: dict[str, CallSnapshot] = {}
        self.curves: dict[str, deque[float | None]] = {}
        self.recent: deque[AlertView] = deque(maxlen=RECENT)
        self.degraded: dict[str, dict[str, str]] = {}
        """Degraded parts of each node, with their reasons."""
        self.heard: dict[str, Heard] = {}
        """Number of calls that each node hears."""
        self.nodes: set[str] = set()
        """Running nodes."""

    def apply(self, happened: Published) -> list[Change]:
        """Fold in one event; return the changed items."""
        match happened.event:
            case CallEnded():
                return list(self._forget(happened.call))
            case CallFactsEvent() as event:
                return self._call(event, happened)
            case TapEvent() as event:
                return self._tap(event)
            case AlertEvent() as event:
                return list(self._alert(event, happened))
            case SupervisionEvent() as event:
                return self._supervision(event)
            case NodeEvent() as event:
                return list(self._node(event, happened.node))
        return []

    def show(self, snapshot: CallSnapshot) -> bool:
        """Store a call's present signals; return False where the call is not known or has ended."""
        if snapshot.call not in self.calls:
            return False
        self.signals[snapshot.call] = snapshot
        curve = self.curves.setdefault(snapshot.call, deque(maxlen=CURVE_S))
        curve.append(snapshot.customer.get("raised_voice"))
        return True

    def mark(self, node: str, unheard: Mapping[str, tuple[str, str]]) -> list[Change]:
        """Store why calls of a node are not heard, as (cause, reason) by linkedid; return the changed items."""
        changed = []
        for view in self.calls.values():
            found = unheard.get(view.call)
            told = {"cause": found[0], "why": found[1]} if found else None
            if view.node == node and view.unheard != told:
                view.unheard = told
                changed.append(Change("call", view.call))
        return changed

    def alerts_of(self, call: str) -> list[AlertView]:
        """Return the open alerts of one call, the most urgent first."""
        mine = (alert for alert in self.alerts.values() if alert.call == call)
        return sorted(mine, key=lambda alert: (-alert.rank, alert.since))

    def nobody_free(self, alert: AlertView) -> str:
        """Return who could not be rung for an alert, while no supervisor took it, is rung or helps; else no text."""
        call = self.calls.get(alert.call)
        if alert.state not in _OPEN or not alert.passed_over or (call and call.supervisors):
            return ""
        people = (f"{name} ({_WHY_NOT.get(why, why)})" for name, why in alert.passed_over.items())
        return f"nobody free: {', '.join(people)}"

    def by_need(self) -> list[CallView]:
        """Return all calls, the most urgent first: by alert, then unheard ones, by raised voice, by length."""
        ranks: dict[str, int] = {}
        for alert in self.alerts.values():
            ranks[alert.call] = max(ranks.get(alert.call, 0), alert.rank)
        return sorted(
            self.calls.values(),
            key=lambda call: (
                -ranks.get(call.call, 0),
                call.unheard is None,
                -self._raised(call.call),
                call.started_at,
            ),
        )

    def _raised(self, call: str) -> float:
        snapshot = self.signals.get(call)
        return (snapshot.customer.get("raised_voice") or 0.0) if snapshot else 0.0

    def _call(self, event: CallFactsEvent, happened: Published) -> list[Change]:
        view = self.calls.get(happened.call)
        if view is None:
            view = self.calls[happened.call] = CallView(happened.call, happened.node, happened.at.timestamp())
        _copy(event, view, _CALL_FACTS)
        return [Change("call", view.call)]

    def _forget(self, call: str) -> Iterator[Change]:
        for alert in self.alerts_of(call):
            del self.alerts[alert.alert]
            yield Change("alert", alert.alert)
        self.signals.pop(call, None)
        self.curves.pop(call, None)
        if self.calls.pop(call, None):
            yield Change("call", call)

    def _tap(self, event: TapEvent) -> list[Change]:
        view = self.calls.get(event.call or "")
        if view is None:
            return []
        view.taps[event.leg] = "lost" if isinstance(event, TapLost) else "open"
        return [Change("call", view.call)]

    def _alert(self, event: AlertEvent, happened: Published) -> Iterator[Change]:
        state = _STATES.get(type(event))
        if state is None:
            return
        view = self.alerts.get(event.alert)
        if view is None and state != "resolved" and happened.call in self.calls:
            view = AlertView(event.alert, happened.call, happened.node, happened.at.timestamp())
            self.alerts[event.alert] = view
        if view is None:
            return
        if state == "fired" and view.state == "pending":
            view.since = happened.at.timestamp()
        view.state = state
        _copy(event, view, (*_ALERT_FACTS, "by", "tier", "reason"))
        if state == "resolved":
            self.recent.append(self.alerts.pop(event.alert))
        yield Change("alert", event.alert)

    def _supervision(self, event: SupervisionEvent) -> list[Change]:
        view = self.calls.get(event.call or "")
        if view is None:
            return []
        if isinstance(event, SupervisionEnded | SupervisionFailed):
            view.supervisors.pop(event.session, None)
        else:
            facts = {"supervisor": event.supervisor, "mode": event.mode or "", "state": _presence(event)}
            before = view.supervisors.get(event.session, {})
            view.supervisors[event.session] = facts | _why(event, before)
        if isinstance(event, SupervisionStarted) and event.card is not None:
            view.card = event.card.model_dump(mode="json")
        return [Change("call", view.call)]

    def _node(self, event: NodeEvent, node: str) -> Iterator[Change]:
        part, _, why = event.reason.partition(":")
        match event:
            case NodeDegraded():
                self.degraded.setdefault(node, {})[part] = why.strip()
            case NodeRecovered():
                self.degraded.get(node, {}).pop(part, None)
            case NodeHearing():
                self.heard[node] = Heard(event.heard, event.calls, event.causes)
            case NodeStarted():
                self.nodes.add(node)
            case NodeStopped():
                self.nodes.discard(node)
                self.degraded.pop(node, None)
                self.heard.pop(node, None)
                for call in [view.call for view in self.calls.values() if view.node == node]:
                    yield from self._forget(call)


def _presence(event: SupervisionEvent) -> str:
    """Return a supervisor's presence: ringing, joined, waiting while customer and agent are apart, being cut off."""
    if isinstance(event, SupervisionRequested | SupervisionRinging):
        return "ringing"
    if isinstance(event, SupervisionModeChanged) and event.cutting:
        return "cutting"
    return "waiting" if getattr(event, "suspended", False) else "joined"


def _why(event: SupervisionEvent, before: Mapping[str, str]) -> dict[str, str]:
    """Return why a supervisor waits; a mode that is chosen meanwhile changes nothing about that."""
    if not isinstance(event, SupervisionModeChanged) or not event.suspended:
        return {}
    why = event.reason or before.get("why")
    return {"why": why} if why else {}


def _copy(event: Event, view: CallView | AlertView, names: tuple[str, ...]) -> None:
    for name in names:
        if name in type(event).model_fields:
            setattr(view, name, getattr(event, name))


def as_json(view: CallView | AlertView) -> dict[str, Any]:
    """Return a view as JSON-able data."""
    return asdict(view)
