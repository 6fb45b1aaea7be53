"""All domain events: types, wire names and payloads.

Each noun has a module; all parts import events from here. On the wire an event is CloudEvents 1.0 JSON;
`docs/asyncapi.yaml` is generated from these classes.
"""

from callguard.contracts.events.alerts import (
    AlertAcknowledged,
    AlertEscalated,
    AlertEvent,
    AlertFired,
    AlertJudged,
    AlertPending,
    AlertResolved,
    Away,
    PassedOver,
)
from callguard.contracts.events.base import Event
from callguard.contracts.events.calls import (
    CallEnded,
    CallFactsEvent,
    CallStarted,
    CallUpdated,
    TapEvent,
    TapLost,
    TapOpened,
    TapRestored,
)
from callguard.contracts.events.commands import CommandCompleted, CommandFailed
from callguard.contracts.events.nodes import (
    AuditAnchored,
    NodeDegraded,
    NodeEvent,
    NodeHearing,
    NodeRecovered,
    NodeStarted,
    NodeStopped,
)
from callguard.contracts.events.supervision import (
    AbuseEndedCall,
    AbuseWarned,
    AssistRequested,
    PromptPlayed,
    SupervisionEnded,
    SupervisionEvent,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionRequested,
    SupervisionRinging,
    SupervisionStarted,
)
from callguard.contracts.events.wire import EVENTS, PREFIX, SPEC_VERSION, Envelope, Published, envelope, published

__all__ = [
    "EVENTS",
    "PREFIX",
    "SPEC_VERSION",
    "AbuseEndedCall",
    "AbuseWarned",
    "AlertAcknowledged",
    "AlertEscalated",
    "AlertEvent",
    "AlertFired",
    "AlertJudged",
    "AlertPending",
    "AlertResolved",
    "AssistRequested",
    "AuditAnchored",
    "Away",
    "CallEnded",
    "CallFactsEvent",
    "CallStarted",
    "CallUpdated",
    "CommandCompleted",
    "CommandFailed",
    "Envelope",
    "Event",
    "NodeDegraded",
    "NodeEvent",
    "NodeHearing",
    "NodeRecovered",
    "NodeStarted",
    "NodeStopped",
    "PassedOver",
    "PromptPlayed",
    "Published",
    "SupervisionEnded",
    "SupervisionEvent",
    "SupervisionFailed",
    "SupervisionModeChanged",
    "SupervisionRequested",
    "SupervisionRinging",
    "SupervisionStarted",
    "TapEvent",
    "TapLost",
    "TapOpened",
    "TapRestored",
    "envelope",
    "published",
]
