"""Events of calls and of their taps. Pure."""

from typing import Literal

from pydantic import Field

from callguard.contracts.events.base import Event
from callguard.contracts.vocabulary import Mode, Role


class CallFactsEvent(Event):
    """Facts shared by the call.* events."""

    queue: str | None = Field(None, description="Queue, if the call came through one.")
    mode: Mode = Field(description="Analysis mode of the call.")
    agent: str | None = Field(
        None, description="Agent: the name that the queue or the configuration gives, else the endpoint."
    )
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
    held_by: list[Role] = Field([], description="Parties whose phones hold the call; the other one hears music.")


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
