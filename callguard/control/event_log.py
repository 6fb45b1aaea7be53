"""Logs events for operators: calls, alerts, rings, taps that were lost and restored.

No line holds a caller's number, a channel's name (which may contain a number) or text that people wrote.
"""

from typing import Final

import structlog

from callguard.contracts.events import (
    AlertAcknowledged,
    AlertEscalated,
    AlertFired,
    AlertResolved,
    CallEnded,
    CallStarted,
    Event,
    Published,
    SupervisionEnded,
    SupervisionFailed,
    SupervisionRinging,
    SupervisionStarted,
    TapLost,
    TapRestored,
)

log = structlog.get_logger(__name__)

TOLD: Final[dict[type[Event], tuple[str, tuple[str, ...]]]] = {
    CallStarted: ("call_started", ("call", "queue", "mode")),
    CallEnded: ("call_ended", ("call", "queue", "duration_s", "reason")),
    AlertFired: ("alert_fired", ("alert", "call", "rule", "severity", "shadow")),
    AlertAcknowledged: ("alert_answered", ("alert", "call", "rule", "by", "after_s")),
    AlertEscalated: ("alert_escalated", ("alert", "call", "rule", "tier")),
    AlertResolved: ("alert_resolved", ("alert", "call", "rule", "reason", "lasted_s")),
    SupervisionRinging: ("supervisor_rung", ("session", "call", "supervisor", "mode", "alert")),
    SupervisionStarted: ("supervisor_joined", ("session", "call", "supervisor", "mode", "ring_s")),
    SupervisionEnded: ("supervisor_left", ("session", "call", "supervisor", "reason")),
    SupervisionFailed: ("supervisor_did_not_join", ("session", "call", "supervisor", "reason")),
    TapLost: ("tap_lost", ("call", "leg", "reason")),
    TapRestored: ("tap_restored", ("call", "leg")),
}
"""Name and fields of the log line, by event."""


def write_log(happened: Published) -> None:
    """Write a line about an event of interest to operators."""
    told = TOLD.get(type(happened.event))
    if told:
        name, fields = told
        log.info(name, **{field: _short(getattr(happened.event, field)) for field in fields})


def _short(value: object) -> object:
    return round(value, 1) if isinstance(value, float) else value
