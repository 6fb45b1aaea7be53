"""Events on the wire: their names, and CloudEvents 1.0 JSON around them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from callguard.contracts.events.alerts import (
    AlertAcknowledged,
    AlertEscalated,
    AlertFired,
    AlertJudged,
    AlertPending,
    AlertResolved,
)
from callguard.contracts.events.base import Event
from callguard.contracts.events.calls import CallEnded, CallStarted, CallUpdated, TapLost, TapOpened, TapRestored
from callguard.contracts.events.commands import CommandCompleted, CommandFailed
from callguard.contracts.events.nodes import (
    AuditAnchored,
    NodeDegraded,
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
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionRequested,
    SupervisionRinging,
    SupervisionStarted,
)
from callguard.contracts.identity import identity

PREFIX: Final = "io.callguard."
SPEC_VERSION: Final = "1.0"

EVENTS: Final[dict[str, type[Event]]] = {
    PREFIX + kind.TYPE: kind
    for kind in (
        CallStarted, CallUpdated, CallEnded, TapOpened, TapLost, TapRestored,
        AlertPending, AlertFired, AlertAcknowledged, AlertEscalated, AlertResolved, AlertJudged,
        SupervisionRequested, SupervisionRinging, SupervisionStarted, SupervisionModeChanged, SupervisionEnded,
        SupervisionFailed, PromptPlayed, AssistRequested, AbuseWarned, AbuseEndedCall,
        CommandCompleted, CommandFailed, NodeStarted, NodeDegraded, NodeRecovered, NodeStopped, NodeHearing,
        AuditAnchored,
    )
}  # fmt: skip
"""Every event class by its full wire name."""


class Envelope(BaseModel):
    """CloudEvents 1.0 attributes around one payload."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    specversion: Literal["1.0"] = SPEC_VERSION
    id: str = Field(description="Unique identifier; the same at each repeated delivery.")
    source: str = Field(description="/callguard/<node>")
    type: str = Field(description="io.callguard.<noun>.<verb>.v1")
    time: datetime = Field(description="Time of the event, UTC.")
    subject: str | None = Field(None, description="linkedid of the call.")
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, Any] = Field(description="Payload of the event's type.")

    def to_json(self) -> str:
        """Serialise for the wire."""
        return self.model_dump_json(exclude_none=True)


@dataclass(frozen=True, slots=True)
class Published:
    """An event with its identity and time, which are the same for every part and every delivery."""

    id: str
    at: datetime
    node: str
    event: Event

    @property
    def call(self) -> str:
        """Return the id of the event's call; empty for events of the node."""
        return self.event.call or ""

    def envelope(self) -> Envelope:
        """Return the event in its form on the wire."""
        return Envelope(
            id=self.id,
            source=f"/callguard/{self.node}",
            type=PREFIX + self.event.TYPE,
            time=self.at,
            subject=self.event.call,
            data=self.event.model_dump(mode="json"),
        )


def published(event: Event, node: str, at: datetime | None = None) -> Published:
    """Give an event its identity and time; `at` defaults to now."""
    return Published(identity(event.TYPE, getattr(event, "alert", None)), at or datetime.now(UTC), node, event)


def envelope(event: Event, node: str, time: datetime | None = None) -> Envelope:
    """Return an event in its form on the wire, without publishing it to other parts."""
    return published(event, node, time).envelope()
