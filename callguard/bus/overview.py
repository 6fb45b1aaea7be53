"""What goes on now: calls, alerts and supervisors, folded from events. Pure.

The bus keeps it in Redis for lists, the console and `watch` draw it. Folding is idempotent: an event that is delivered
again changes nothing.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from callguard.contracts.events import PREFIX, Envelope
from callguard.contracts.messages import CallSnapshot
from callguard.contracts.vocabulary import SEVERITIES

CURVE_S: Final = 60
"""Seconds of a call's raised voice that a board shows; snapshots come about once a second."""
RECENT: Final = 20
"""How many closed alerts are remembered."""
_OPEN: Final = ("fired", "escalated")
_STATES: Final = ("pending", "fired", "escalated", "acknowledged", "resolved")
_CALL_FACTS: Final = ("queue", "mode", "agent", "customer_channel", "agent_channel", "wait_s", "language", "on_hold")
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
    """An alert that is open."""

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
    """Per supervisor who could not be rung, why; events.PassedOver."""
    by: str | None = None
    """Supervisor who took it."""
    tier: int | None = None
    reason: str | None = None
    """Why it was resolved."""

    @property
    def rank(self) -> int:
        """How much it asks for somebody: 0 nothing, then by severity; what nobody took counts double."""
        if self.state == "pending" or self.shadow:
            return 0
        base = SEVERITIES.index(self.severity) if self.severity in SEVERITIES else 1
        quiet = self.silenced_by or self.inhibited_by or self.state not in _OPEN
        return 1 + base + (0 if quiet else len(SEVERITIES))


@dataclass(slots=True)
class CallView:
    """A call that goes on."""

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
    """Per leg: open, lost."""
    supervisors: dict[str, dict[str, str]] = field(default_factory=dict)
    """Per session: supervisor, mode, state (ringing, joined, waiting while customer and agent are apart)."""
    card: dict[str, Any] | None = None
    """Warm handoff of the supervisor who joined last, cards.HandoffCard."""


class Overview:
    """Calls and alerts by key, and the latest signals per call."""

    def __init__(self) -> None:
        self.calls: dict[str, CallView] = {}
        self.alerts: dict[str, AlertView] = {}
        self.signals: dict[str, CallSnapshot] = {}
        self.curves: dict[str, deque[float | None]] = {}
        self.recent: deque[AlertView] = deque(maxlen=RECENT)
        self.degraded: dict[str, set[str]] = {}
        """Per node, why it is degraded."""
        self.nodes: set[str] = set()
        """Nodes that are up."""

    def apply(self, envelope: Envelope) -> list[Change]:
        """Fold one event in; return what it changed."""
        noun, verb, _ = envelope.type.removeprefix(PREFIX).split(".")
        match noun:
            case "call":
                return list(self._call(verb, envelope))
            case "tap":
                return self._tap(verb, envelope)
            case "alert":
                return list(self._alert(verb, envelope))
            case "supervision":
                return self._supervision(verb, envelope)
            case "node":
                return list(self._node(verb, envelope))
        return []

    def show(self, snapshot: CallSnapshot) -> bool:
        """Take a call's present signals; return False when the call is not known (any more)."""
        if snapshot.call not in self.calls:
            return False
        self.signals[snapshot.call] = snapshot
        curve = self.curves.setdefault(snapshot.call, deque(maxlen=CURVE_S))
        curve.append(snapshot.customer.get("raised_voice"))
        return True

    def alerts_of(self, call: str) -> list[AlertView]:
        """Open alerts of one call, the most pressing first."""
        mine = (alert for alert in self.alerts.values() if alert.call == call)
        return sorted(mine, key=lambda alert: (-alert.rank, alert.since))

    def nobody_free(self, alert: AlertView) -> str:
        """Say who could not be rung for an alert and why, as long as nobody took it and nobody is rung or helps."""
        call = self.calls.get(alert.call)
        if alert.state not in _OPEN or not alert.passed_over or (call and call.supervisors):
            return ""
        people = (f"{name} ({_WHY_NOT.get(why, why)})" for name, why in alert.passed_over.items())
        return f"nobody free: {', '.join(people)}"

    def by_need(self) -> list[CallView]:
        """All calls, those that need somebody first: by alert, then by raised voice, then the longest."""
        ranks: dict[str, int] = {}
        for alert in self.alerts.values():
            ranks[alert.call] = max(ranks.get(alert.call, 0), alert.rank)
        return sorted(
            self.calls.values(),
            key=lambda call: (-ranks.get(call.call, 0), -self._raised(call.call), call.started_at),
        )

    def _raised(self, call: str) -> float:
        snapshot = self.signals.get(call)
        return (snapshot.customer.get("raised_voice") or 0.0) if snapshot else 0.0

    def _call(self, verb: str, envelope: Envelope) -> Iterator[Change]:
        key = envelope.subject or ""
        if verb == "ended":
            yield from self._forget(key)
            return
        view = self.calls.get(key)
        if view is None:
            view = self.calls[key] = CallView(key, _node_of(envelope), envelope.time.timestamp())
        _copy(envelope.data, view, _CALL_FACTS)
        yield Change("call", key)

    def _forget(self, call: str) -> Iterator[Change]:
        for alert in self.alerts_of(call):
            del self.alerts[alert.alert]
            yield Change("alert", alert.alert)
        self.signals.pop(call, None)
        self.curves.pop(call, None)
        if self.calls.pop(call, None):
            yield Change("call", call)

    def _tap(self, verb: str, envelope: Envelope) -> list[Change]:
        view = self.calls.get(envelope.subject or "")
        if view is None:
            return []
        view.taps[envelope.data["leg"]] = "lost" if verb == "lost" else "open"
        return [Change("call", view.call)]

    def _alert(self, verb: str, envelope: Envelope) -> Iterator[Change]:
        if verb not in _STATES:
            return
        key = envelope.data["alert"]
        view = self.alerts.get(key)
        if view is None and verb != "resolved" and envelope.subject in self.calls:
            view = AlertView(key, envelope.subject or "", _node_of(envelope), envelope.time.timestamp())
            self.alerts[key] = view
        if view is None:
            return
        if verb == "fired" and view.state == "pending":
            view.since = envelope.time.timestamp()
        view.state = verb
        _copy(envelope.data, view, (*_ALERT_FACTS, "by", "tier", "reason"))
        if verb == "resolved":
            self.recent.append(self.alerts.pop(key))
        yield Change("alert", key)

    def _supervision(self, verb: str, envelope: Envelope) -> list[Change]:
        view = self.calls.get(envelope.subject or "")
        if view is None:
            return []
        data = envelope.data
        if verb in ("ended", "failed"):
            view.supervisors.pop(data["session"], None)
        else:
            state = "ringing" if verb in ("requested", "ringing") else "waiting" if data.get("suspended") else "joined"
            view.supervisors[data["session"]] = {"supervisor": data["supervisor"], "mode": data["mode"], "state": state}
            view.card = data.get("card") or view.card
        return [Change("call", view.call)]

    def _node(self, verb: str, envelope: Envelope) -> Iterator[Change]:
        node, reason = _node_of(envelope), envelope.data["reason"].partition(":")[0]
        match verb:
            case "degraded":
                self.degraded.setdefault(node, set()).add(reason)
            case "recovered":
                self.degraded.get(node, set()).discard(reason)
            case "started":
                self.nodes.add(node)
            case "stopped":
                self.nodes.discard(node)
                self.degraded.pop(node, None)
                for call in [view.call for view in self.calls.values() if view.node == node]:
                    yield from self._forget(call)


def _copy(data: dict[str, Any], view: CallView | AlertView, names: tuple[str, ...]) -> None:
    for name in names:
        if name in data:
            setattr(view, name, data[name])


def _node_of(envelope: Envelope) -> str:
    return envelope.source.rsplit("/", 1)[-1]


def as_json(view: CallView | AlertView) -> dict[str, Any]:
    """Return a view as JSON-able facts."""
    return asdict(view)
