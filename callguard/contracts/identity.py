"""Identifiers of events. Pure."""

import uuid
from typing import Final

_ONCE: Final = ("alert.pending.v1", "alert.fired.v1", "alert.acknowledged.v1", "alert.resolved.v1")
"""Types of events that occur once in the life cycle of an alert."""
_ALERTS: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "alerts.callguard.io")


def identity(event_type: str, alert: str | None) -> str:
    """Return an event's identifier; `event_type` is its wire name without prefix.

    A unique event of an alert has the same identifier in the stream and at each receiver, before and after a crash.
    """
    if alert is not None and event_type in _ONCE:
        return str(uuid.uuid5(_ALERTS, f"{alert}/{event_type}"))
    return str(uuid.uuid4())
