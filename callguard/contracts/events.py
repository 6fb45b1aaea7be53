"""All domain events: types, wire names and payloads.

On the wire an event is CloudEvents 1.0 JSON; `docs/asyncapi.yaml` is generated from these classes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from callguard.contracts.cards import HandoffCard
from callguard.contracts.identity import identity
from callguard.contracts.vocabulary import Basis, Mode, Role, Subject, SupervisionMode, UnheardCause, Verdict

PREFIX: Final = "io.callguard."
SPEC_VERSION: Final = "1.0"

Away = Literal["busy", "unreachable"]
"""Why a phone can't be rung."""
PassedOver = Literal["busy", "unreachable", "in_call", "ringing", "budget"]
"""Why a supervisor on duty was not rung: phone in use, phone out of reach, in a supervised call, rung, budget spent."""


class Event(BaseModel):
    """Base of all payloads. `TYPE` is the wire name without prefix and version."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    TYPE: ClassVar[str]

    call: str | None = Field(None, description="linkedid of the call; absent for node events.")
    basis: Basis = Field("none", description="Kind of inference on which the event rests.")


class CallFactsEvent(Event):
    """Facts shared by the call.* events."""

    queue: str | None = Field(None, description="Queue, if the call came through one.")
    mode: Mode = Field(description="Analysis mode of the call.")
    agent: str | None = Field(None, description="Agent: queue member name or channel endpoint.")
    customer_channel: str | None = Field(None, description="Asterisk channel of the customer.")
    agent_channel: str | None = Field(None, description="Asterisk channel of the agent.")
    wait_s: float | None = Field(None, description="Seconds the customer waited in the queue.")
    language: str | None = Field(None, description="Language of the queue (BCP 47).")
    linkedid: str | None = Field(None, description="Asterisk's linkedid, which may stand for several calls.")
    unknown: str | None = Field(None, description="Why nobody can tell who is the customer; nothing is judged then.")


class CallStarted(CallFactsEvent):
    """Customer and agent were joined."""

    TYPE = "call.started.v1"


class CallUpdated(CallFactsEvent):
    """Facts of a call changed: hold, transfer, mode, agent."""

    TYPE = "call.updated.v1"
    on_hold: bool = Field(False, description="Whether a party is on hold.")
    change: str = Field(description="Changed fact: hold, unhold, transfer, mode, agent, role, handoff.")


class CallEnded(CallFactsEvent):
    """The conversation is over."""

    TYPE = "call.ended.v1"
    duration_s: float = Field(description="Seconds since both parties were joined.")
    reason: str = Field("hangup", description="hangup, opt_out, lost.")


class TapEvent(Event):
    """Facts shared by the tap.* events."""

    leg: Role = Field(description="Whose audio.")
    tap: str = Field(description="UUID of the tap.")
    channel: str = Field(description="Asterisk channel that is tapped.")
    path: Literal["audiosocket", "external_media"] = Field(description="Media path.")


class TapOpened(TapEvent):
    """Media of a leg arrives."""

    TYPE = "tap.opened.v1"


class TapLost(TapEvent):
    """Media of a leg stopped although the leg is still in the call."""

    TYPE = "tap.lost.v1"
    reason: str = Field(
        description="eof, timeout, stalled, protocol, full, asterisk, refused; dialplan: Asterisk ended the tap before "
        "it reached a worker, as where its context is missing."
    )


class TapRestored(TapEvent):
    """Media of a lost leg arrives again."""

    TYPE = "tap.restored.v1"


class AlertEvent(Event):
    """Facts shared by the alert.* events."""

    alert: str = Field(description="Identifier of the alert; the same from pending to resolved.")
    rule: str = Field(description="Name of the rule.")
    leg: Subject = Field(description="Subject of the rule.")
    severity: str = Field("warning", description="Label severity of the rule.")
    labels: dict[str, str] = Field({}, description="Labels of the rule.")
    annotations: dict[str, str] = Field({}, description="Annotations with values filled in.")
    queue: str | None = Field(None, description="Queue of the call.")
    agent: str | None = Field(None, description="Agent of the call.")
    shadow: bool = Field(False, description="True: the rule is on trial, no phone rings.")
    score: float = Field(0.0, description="Rank, 0-1.")


class AlertPending(AlertEvent):
    """The condition holds; `for` has not elapsed."""

    TYPE = "alert.pending.v1"


class AlertFired(AlertEvent):
    """The rule fired."""

    TYPE = "alert.fired.v1"
    evidence: dict[str, Any] = Field(
        description="expr, values against thresholds, baseline, 30 s curve, confidence, quality, basis, runbook."
    )
    silenced_by: str | None = Field(None, description="Identifier of the silence that applies, if any.")
    actions: tuple[str, ...] = Field((), description="Actions of the rule, e.g. offer_whisper for the board.")
    inhibited_by: str | None = Field(None, description="Alert that speaks for this alert, if any.")
    merged: bool = Field(
        False,
        description="True: shown, but no phone rings for it alone: no supervisor is free, or another alert rings.",
    )
    passed_over: dict[str, PassedOver] = Field(
        {}, description="Supervisors on duty who could not be rung, and why; up to the tier that rings, if one does."
    )


class AlertAcknowledged(AlertEvent):
    """A supervisor took the alert."""

    TYPE = "alert.acknowledged.v1"
    by: str = Field(description="Supervisor who owns the alert now.")
    after_s: float = Field(description="Seconds since the alert fired.")


class AlertEscalated(AlertEvent):
    """No supervisor took the alert in time; the next tier is rung."""

    TYPE = "alert.escalated.v1"
    tier: int = Field(description="Tier that is rung now.")
    passed_over: dict[str, PassedOver] = Field({}, description="As in alert.fired.")


class AlertResolved(AlertEvent):
    """The condition or the call is over."""

    TYPE = "alert.resolved.v1"
    reason: Literal["calm", "call_ended", "cancelled", "opt_out", "rule_removed"] = Field(description="Why.")
    lasted_s: float = Field(description="Seconds from firing to resolution.")


class AlertJudged(AlertEvent):
    """A supervisor gave a verdict on the alert."""

    TYPE = "alert.judged.v1"
    by: str = Field(description="Supervisor.")
    verdict: Verdict = Field(description="useful; early: right, but too soon; false.")


class SupervisionEvent(Event):
    """Facts shared by the supervision.* events."""

    session: str = Field(description="Identifier of the supervision session.")
    supervisor: str = Field(description="Name or endpoint of the supervisor.")
    mode: SupervisionMode | None = Field(
        description="Present mode. Null only after an end or failure by restart that does not tell the mode."
    )
    command: str | None = Field(None, description="Command that this event answers, if one does.")
    alert: str | None = Field(None, description="Alert for which supervision was requested, if any.")


class SupervisionRequested(SupervisionEvent):
    """A rule or a command asked for supervision."""

    TYPE = "supervision.requested.v1"


class SupervisionRinging(SupervisionEvent):
    """The supervisor's phone rings."""

    TYPE = "supervision.ringing.v1"


class SupervisionStarted(SupervisionEvent):
    """The supervisor answered and is in the call."""

    TYPE = "supervision.started.v1"
    ring_s: float = Field(description="Seconds from ringing to answer.")
    card: HandoffCard | None = Field(None, description="Warm handoff: the facts that a joining supervisor needs.")


class SupervisionModeChanged(SupervisionEvent):
    """The supervisor's mode changed, or was suspended or resumed because customer and agent parted or met again."""

    TYPE = "supervision.mode_changed.v1"
    previous: SupervisionMode = Field(description="Mode before the change; a suspension or resumption keeps it.")
    by: Literal["command", "key", "policy", "call"] = Field(
        description="Source of the change; call: an act of the parties."
    )
    suspended: bool = Field(False, description="True while the supervisor hears no party and no party the supervisor.")
    reason: Literal["consultation", "transfer", "together"] | None = Field(
        None,
        description="For a change by call. consultation: the agent talks to another party. transfer: the customer goes "
        "to another agent, or has one now. together: customer and agent hear each other again.",
    )
    cutting: bool = Field(False, description="True: to be out, which Asterisk has not confirmed; ended follows.")


class SupervisionEnded(SupervisionEvent):
    """The supervisor left or was released."""

    TYPE = "supervision.ended.v1"
    reason: str = Field(description="supervisor_left, agent_left, customer_left, stopped, transfer, restart.")
    lasted_s: float | None = Field(description="Seconds since supervision started; null when not known.")


class SupervisionFailed(SupervisionEvent):
    """Supervision could not be carried out, or no supervisor answered."""

    TYPE = "supervision.failed.v1"
    reason: str = Field(description="no_answer, busy, unreachable, no_call, refused, asterisk, restart.")


class PromptPlayed(Event):
    """A prompt was whispered to the agent."""

    TYPE = "prompt.played.v1"
    prompt: str = Field(description="Name of the prompt.")
    command: str | None = Field(None, description="Command that this event answers, if one does.")


class AssistRequested(Event):
    """The agent asked for help by code."""

    TYPE = "assist.requested.v1"
    agent: str | None = Field(None, description="Agent.")
    queue: str | None = Field(None, description="Queue of the call.")


class AbuseWarned(Event):
    """The scripted warning was played to the customer."""

    TYPE = "abuse.warned.v1"
    agent: str | None = Field(None, description="Agent who reported abuse.")
    played: bool = Field(description="True once the warning was played to its end.")


class AbuseEndedCall(Event):
    """Policy ended the call after its warning was played."""

    TYPE = "abuse.ended_call.v1"
    agent: str | None = Field(None, description="Agent who reported abuse.")
    warned_at: datetime = Field(description="Time at which the warning ended.")


class CommandCompleted(Event):
    """A command was carried out. Exactly one completed/failed event answers each command."""

    TYPE = "command.completed.v1"
    command: str = Field(description="Identifier of the command.")
    action: str = Field(description="Requested action.")
    supervisor: str | None = Field(None, description="Supervisor for whom the action was requested.")
    result: dict[str, Any] = Field({}, description="Result of the action: session, silence, alert…")


class CommandFailed(Event):
    """A command could not be carried out, or was malformed."""

    TYPE = "command.failed.v1"
    command: str | None = Field(None, description="Identifier of the command, if it had one.")
    action: str | None = Field(None, description="Requested action, if it could be read.")
    supervisor: str | None = Field(None, description="Supervisor for whom it was requested, if it could be read.")
    reason: str = Field(description="The fault and the allowed values.")


class NodeEvent(Event):
    """Facts shared by the node.* events."""

    node: str = Field(description="Name of the node.")
    reason: str = Field("", description="Affected part: ari, ami, redis, worker, overload…")


class NodeStarted(NodeEvent):
    """The service has started."""

    TYPE = "node.started.v1"


class NodeDegraded(NodeEvent):
    """A part is out of reach or overloaded; calls continue."""

    TYPE = "node.degraded.v1"


class NodeRecovered(NodeEvent):
    """A degraded part works again."""

    TYPE = "node.recovered.v1"


class NodeHearing(NodeEvent):
    """The number of heard calls; published at each change, and every 10 s as a sign of life."""

    TYPE = "node.hearing.v1"
    heard: int = Field(description="Calls whose customer is heard and can be judged.")
    calls: int = Field(description="Calls that must be heard: all present calls except those opted out or just begun.")
    causes: dict[UnheardCause, int] = Field(
        {},
        description="Number of calls that are not heard, by cause. no_tap: no media reaches a worker. no_audio: none "
        "comes by a tap that is there. no_room: no worker has room. unjudged: the line is clipped or loses packets. "
        "unknown: nobody can tell who is the customer. opted_out: nobody may listen; the last two count nowhere else.",
    )


class NodeStopped(NodeEvent):
    """The service ends in an orderly way."""

    TYPE = "node.stopped.v1"


EVENTS: Final[dict[str, type[Event]]] = {
    PREFIX + kind.TYPE: kind
    for kind in (
        CallStarted, CallUpdated, CallEnded, TapOpened, TapLost, TapRestored,
        AlertPending, AlertFired, AlertAcknowledged, AlertEscalated, AlertResolved, AlertJudged,
        SupervisionRequested, SupervisionRinging, SupervisionStarted, SupervisionModeChanged, SupervisionEnded,
        SupervisionFailed, PromptPlayed, AssistRequested, AbuseWarned, AbuseEndedCall,
        CommandCompleted, CommandFailed, NodeStarted, NodeDegraded, NodeRecovered, NodeStopped, NodeHearing,
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
