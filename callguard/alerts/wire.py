"""Makes events of alerts."""

from typing import Any, TypeVar

from callguard.alerts.alert import Alert
from callguard.contracts.events import AlertAcknowledged, AlertEscalated, AlertEvent, AlertFired, AlertPending

_Event = TypeVar("_Event", bound=AlertEvent)


def tell(kind: type[_Event], alert: Alert, **more: Any) -> _Event:
    """Return an event of one kind about an alert; `more` holds the further fields of that kind."""
    return kind(
        call=alert.call,
        basis=alert.basis,
        alert=alert.id,
        rule=alert.rule,
        leg=alert.leg,
        severity=alert.severity,
        labels=alert.labels,
        annotations=alert.annotations,
        queue=alert.queue,
        agent=alert.agent,
        shadow=alert.shadow,
        score=alert.score,
        **more,
    )


def retell(alert: Alert) -> list[AlertEvent]:
    """Return the events of an open alert so far, for a board that did not get the events of an earlier run."""
    if alert.fired_at is None:
        return [tell(AlertPending, alert)]
    events: list[AlertEvent] = [tell(AlertFired, alert, evidence=alert.evidence, actions=alert.actions)]
    if alert.state == "escalated":
        events.append(tell(AlertEscalated, alert, tier=alert.tier))
    if alert.owner is not None:
        events.append(tell(AlertAcknowledged, alert, by=alert.owner, after_s=0.0))
    return events


def is_receiver(action: str) -> bool:
    """Return whether an action names a receiver: a webhook, a mailbox, or one of Asterisk's records."""
    return action.startswith(("webhook:", "email:")) or action in {"queue_log", "user_event", "cel"}


def prompts(actions: tuple[str, ...]) -> list[str]:
    """Return the names of the prompts among a rule's actions."""
    return [action.removeprefix("prompt:") for action in actions if action.startswith("prompt:")]
