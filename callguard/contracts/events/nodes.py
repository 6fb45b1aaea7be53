"""Events of nodes. Pure."""

from pydantic import Field

from callguard.contracts.events.base import Event
from callguard.contracts.vocabulary import UnheardCause


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


class AuditAnchored(Event):
    """The audit chain has grown: its newest entry, to be kept elsewhere. Published at most every 10 s."""

    TYPE = "audit.anchored.v1"
    node: str = Field(description="Name of the node that wrote the entry.")
    entries: int = Field(description="Number of the newest entry, counted from 1.")
    hash: str = Field(description="Hash of the newest entry.")


class NodeStopped(NodeEvent):
    """The service ends in an orderly way."""

    TYPE = "node.stopped.v1"
