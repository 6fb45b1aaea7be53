"""Events of supervision and of the help that agents get: prompts, requests for help, abuse. Pure."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from callguard.contracts.cards import HandoffCard
from callguard.contracts.events.base import Act
from callguard.contracts.vocabulary import Interruption, SupervisionMode


class SupervisionEvent(Act):
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
    """The supervisor's mode changed, or was suspended or resumed as customer and agent parted, held or met again."""

    TYPE = "supervision.mode_changed.v1"
    previous: SupervisionMode = Field(description="Mode before the change; a suspension or resumption keeps it.")
    by: Literal["command", "key", "policy", "call"] = Field(
        description="Source of the change; call: an act of the parties."
    )
    suspended: bool = Field(False, description="True while the supervisor hears no party and no party the supervisor.")
    reason: Interruption | Literal["together"] | None = Field(
        None,
        description="For a change by call. consultation: the agent talks to another party. transfer: the customer goes "
        "to another agent, or has one now. together: customer and agent hear each other again. hold: the customer's "
        "phone holds the call, so that the agent hears music.",
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
    reason: str = Field(description="no_answer, busy, unreachable, no_call, refused, hold, asterisk, restart.")


class PromptPlayed(Act):
    """A prompt was whispered to the agent."""

    TYPE = "prompt.played.v1"
    prompt: str = Field(description="Name of the prompt.")
    command: str | None = Field(None, description="Command that this event answers, if one does.")


class AssistRequested(Act):
    """The agent asked for help by code."""

    TYPE = "assist.requested.v1"
    agent: str | None = Field(None, description="Agent.")
    queue: str | None = Field(None, description="Queue of the call.")


class AbuseWarned(Act):
    """The scripted warning was played to the customer."""

    TYPE = "abuse.warned.v1"
    agent: str | None = Field(None, description="Agent who reported abuse.")
    played: bool = Field(description="True once the warning was played to its end.")


class AbuseEndedCall(Act):
    """Policy ended the call after its warning was played."""

    TYPE = "abuse.ended_call.v1"
    agent: str | None = Field(None, description="Agent who reported abuse.")
    warned_at: datetime = Field(description="Time at which the warning ended.")
