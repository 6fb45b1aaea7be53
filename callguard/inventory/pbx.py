"""Describe a PBX: its endpoints, queues, members, contexts and parking lots. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A phone or a trunk that Asterisk knows."""

    name: str
    """Technology and name, e.g. PJSIP/201."""
    reachable: bool | None = None
    """Whether it is registered or answers; None where Asterisk does not know."""
    context: str = ""
    """Dialplan context of its calls."""
    number: str = ""
    """Its own caller number."""
    person: str = ""
    """Name in its caller id."""
    variables: tuple[tuple[str, str], ...] = ()
    """Channel variables that Asterisk sets on each of its channels."""
    trunk: str = ""
    """Why it seems to be a trunk; empty for a phone."""
    codecs: tuple[str, ...] = ()
    """Codecs that it may use, the preferred one first; none where Asterisk does not show them."""

    @property
    def channel(self) -> str:
        """Return the name of one of its channels."""
        return f"{self.name}-00000001"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a queue."""

    interface: str
    """The interface that the queue rings: PJSIP/201, Local/201@from-queue/n."""
    name: str
    endpoint: str | None
    """The endpoint behind the interface; None where it was not found."""
    how: str = ""
    """The fact that tells the endpoint."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its members."""

    name: str
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that was read; a part that could not be read is None, and `unread` says why."""

    asterisk: str
    """Version."""
    endpoints: tuple[Endpoint, ...] = ()
    queues: tuple[Queue, ...] | None = None
    contexts: frozenset[str] | None = None
    """Contexts of the dialplan."""
    parking: tuple[str, ...] | None = None
    """Parking lots."""
    modules: frozenset[str] = frozenset()
    """Running modules."""
    unread: tuple[str, ...] = ()

    def endpoint(self, name: str) -> Endpoint | None:
        """Return the endpoint of a name, without case."""
        return next((each for each in self.endpoints if each.name.casefold() == name.casefold()), None)

    def queues_of(self, endpoint: str) -> list[str]:
        """Return the queues that ring an endpoint."""
        return [queue.name for queue, member in self.members() if member.endpoint == endpoint]

    def members(self) -> Iterator[tuple[Queue, Member]]:
        """Yield each member with its queue."""
        for queue in self.queues or ():
            for member in queue.members:
                yield queue, member
