"""The words of call discovery: what a call is, what comes in, what goes out. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from callguard.asterisk.events import Bridge, Channel
from callguard.contracts.vocabulary import Mode, Role

Change = Literal["hold", "unhold", "transfer", "mode", "agent", "handoff", "apart", "together"]


@dataclass(frozen=True, slots=True)
class Call:
    """A conversation of a customer with an agent. A new object replaces it at each change."""

    id: str
    """linkedid at the time when both were joined."""
    customer: str
    """Channel id."""
    customer_channel: str
    """Channel name."""
    agent: str | None
    """Channel id; None while a transfer is under way."""
    agent_channel: str | None
    member: str | None
    """Queue member's name, else the agent's endpoint."""
    interface: str | None
    """What the queue rings, else the agent's endpoint; what a pause names."""
    queue: str | None
    wait_s: float | None
    mode: Mode
    started_at: float
    """Unix time."""
    on_hold: bool = False
    together: bool = True
    """False while customer and agent don't hear each other: a consultation, a transfer under way."""
    transferring: bool = False
    number: str = field(default="", repr=False)
    """The customer's own; it stands in no event and no log."""
    parted: tuple[float, Role] | None = None
    """When they last ceased to hear each other, and who of the two left the bridge."""

    def legs(self) -> Mapping[Role, tuple[str, str]]:
        """Return (channel id, channel name) of each leg that is to be tapped now.

        A consultation is not tapped. That leaves no snoop on the agent's channel, as it must: where one stays while the
        source of what the channel plays changes, Asterisk 22.10.1 often keeps it from every snoop from then on.
        """
        if self.mode == "off":
            return {}
        legs: dict[Role, tuple[str, str]] = {"customer": (self.customer, self.customer_channel)}
        if self.agent and self.agent_channel and self.together:
            legs["agent"] = (self.agent, self.agent_channel)
        return legs


# --- what comes in besides ARI events ---


@dataclass(frozen=True, slots=True)
class Inspected:
    """Answer to Inspect: what the events don't show."""

    at: float
    channel: str
    linkedid: str
    role: str
    setting: str


@dataclass(frozen=True, slots=True)
class QueueConnected:
    """AMI's AgentConnect: which member took a queue's caller, and after how many seconds."""

    at: float
    customer: str
    """Channel id."""
    queue: str
    member: str
    interface: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All channels and bridges as REST shows them: after connecting, and so after a gap in the events."""

    at: float
    channels: tuple[Channel, ...]
    bridges: tuple[Bridge, ...]


@dataclass(frozen=True, slots=True)
class OptOut:
    """A party asked that the call be left alone."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class HandOff:
    """A supervisor's channel takes the agent's place."""

    at: float
    channel: str


Input = Inspected | QueueConnected | Snapshot | OptOut | HandOff


# --- what goes out ---


@dataclass(frozen=True, slots=True)
class Inspect:
    """Find out linkedid, CALLGUARD_ROLE and CALLGUARD of this channel; answered by Inspected."""

    channel: str


@dataclass(frozen=True, slots=True)
class Started:
    """Customer and agent are joined."""

    call: Call


@dataclass(frozen=True, slots=True)
class Changed:
    """Facts of a call changed."""

    call: Call
    change: Change


@dataclass(frozen=True, slots=True)
class Over:
    """The conversation is over; `left` is who went first."""

    at: float
    call: Call
    reason: Literal["hangup", "opt_out", "lost"]
    left: Role | None = None


Output = Inspect | Started | Changed | Over
