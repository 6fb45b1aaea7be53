"""The types of call discovery: calls, inputs and outputs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from callguard.asterisk.events import Bridge, Channel
from callguard.contracts.vocabulary import Interruption, Mode, Role

Change = Literal["hold", "unhold", "transfer", "mode", "agent", "handoff", "apart", "together", "role"]


@dataclass(frozen=True, slots=True)
class Call:
    """A conversation of a customer with an agent. A new object replaces it at each change."""

    id: str
    """linkedid at the time of the join; another id where another call already has it."""
    customer: str
    """Channel id."""
    customer_channel: str
    """Channel name."""
    agent: str | None
    """Channel id; None during a transfer."""
    agent_channel: str | None
    """Channel name, of the last agent where there is none now."""
    member: str | None
    """Agent's name as the queue or the configuration gives it, else the agent's endpoint."""
    interface: str | None
    """Interface that the queue rings, else the agent's endpoint; a pause names it."""
    queue: str | None
    wait_s: float | None
    mode: Mode
    started_at: float
    """Unix time."""
    held_by: frozenset[Role] = frozenset()
    """Parties whose phones hold the call; the other party hears music."""
    together: bool = True
    """False while customer and agent don't hear each other: during a consultation or a transfer."""
    transferring: bool = False
    number: str = field(default="", repr=False)
    """The customer's own number; no event and no log holds it."""
    parted: tuple[float, Role] | None = None
    """Time at which they last ceased to hear each other, and which of the two left the bridge."""
    linkedid: str = ""
    unknown: str | None = None
    """Why the roles of customer and agent are not known; such a call is only shown."""

    @property
    def on_hold(self) -> bool:
        """Whether a party holds the call."""
        return bool(self.held_by)

    @property
    def interrupted_by(self) -> Interruption | None:
        """Return what keeps the agent from hearing the customer now, and a supervisor beside the customer.

        While the customer's phone holds the call, Asterisk plays music on the agent's channel. A snoop on that channel
        then often carries nothing, in either direction. The agent's own hold interrupts nothing on their channel.
        """
        if self.agent is None or (self.transferring and not self.together):
            return "transfer"
        if not self.together:
            return "consultation"
        return "hold" if "customer" in self.held_by else None

    def legs(self) -> Mapping[Role, tuple[str, str]]:
        """Return (channel id, channel name) of each leg that must be tapped now.

        While the agent consults or hears music on hold, no snoop stays on the agent's channel. If one stays while the
        source of the channel's audio changes, Asterisk 22.10.1 often gives that audio to no snoop from then on, and
        takes no whisper from one.
        """
        if self.mode == "off":
            return {}
        legs: dict[Role, tuple[str, str]] = {"customer": (self.customer, self.customer_channel)}
        if self.agent and self.agent_channel and self.interrupted_by is None:
            legs["agent"] = (self.agent, self.agent_channel)
        return legs


# --- inputs besides ARI events ---


@dataclass(frozen=True, slots=True)
class Inspected:
    """The answer to Inspect: facts that events don't show."""

    at: float
    channel: str
    linkedid: str
    role: str
    setting: str


@dataclass(frozen=True, slots=True)
class QueueConnected:
    """AMI's AgentConnect: the member who took a queue's caller, and the caller's wait in seconds."""

    at: float
    customer: str
    """Channel id."""
    queue: str
    member: str
    interface: str
    wait_s: float
    channel: str = ""
    """Id of the member's channel; empty where not known."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All channels and bridges by REST, read after each connection and so after each gap in the events."""

    at: float
    channels: tuple[Channel, ...]
    bridges: tuple[Bridge, ...]


@dataclass(frozen=True, slots=True)
class OptOut:
    """A party asked that the call not be analysed."""

    at: float
    call: str


@dataclass(frozen=True, slots=True)
class HandOff:
    """A supervisor's channel takes the agent's place."""

    at: float
    channel: str
    supervisor: str = ""
    """Their name; empty where not known."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """The names of people became known, or others."""

    at: float


Input = Inspected | QueueConnected | Snapshot | OptOut | HandOff | Renamed


# --- outputs ---


@dataclass(frozen=True, slots=True)
class Inspect:
    """Request to read linkedid, CALLGUARD_ROLE and CALLGUARD of this channel; Inspected answers it."""

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
    """The conversation is over; `left` is the party that left first."""

    at: float
    call: Call
    reason: Literal["hangup", "opt_out", "lost"]
    left: Role | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """A variable of ours has an unclear value, which counts as off, or as not set for a role."""

    channel: str
    name: str
    value: str


Output = Inspect | Started | Changed | Over | Unclear
