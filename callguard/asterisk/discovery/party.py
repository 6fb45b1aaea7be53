"""The known facts of a live channel, and the facts that Local halves tell on its behalf. Pure.

The halves of a Local channel stand between two bridges. What a half says counts for the party at its far end, even
after the Local channel is optimised away: a queue's callback runs Queue on a Local half, and the customer is behind it.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from callguard.asterisk.discovery.calls import QueueConnected
from callguard.asterisk.events import Channel
from callguard.contracts.vocabulary import Role

LOCAL: Final = "Local/"
FIRST_HALF: Final = ";1"
"""The half for which a program or a queue requested the Local channel; the other half runs the dialplan."""
DIALLED: Final = ("AppDial", "AppQueue")
"""Applications of channels that Dial or Queue made, or that picked up a call which rang at such a channel."""
INCOMING: Final = "Ring"
"""State in which a channel begins whose phone called; one that Asterisk calls begins as `Down`."""


class Queued(NamedTuple):
    """A queue, by the name in the dialplan, and when it came to be known: a higher order is later."""

    name: str
    order: int


class Behind(NamedTuple):
    """A Local channel through which a party is reached."""

    interface: str
    """The Local channel's name without its number: what a queue or Dial rings."""
    dialled: str
    """What the second half dials; empty where it runs no Dial."""


@dataclass(slots=True)
class Party:
    """The known facts of a live channel."""

    channel: Channel
    """The channel in its newest event."""
    entry_context: str
    """Dialplan context of the channel's first event."""
    bridge: str | None = None
    asked: bool = False
    inspected: bool = False
    linkedid: str = ""
    role_variable: str = ""
    setting: str = ""
    role: Role | None = None
    """Present or former role in a call; the channel keeps it."""
    held: bool = False
    handed: bool = False
    """Whether the channel is a supervisor who took over, and so is a party."""
    called: bool = False
    """Whether the phone called; a channel that Dial or Queue made was called."""
    guest: bool = False
    """Whether the party joined a customer and an agent, and no fact tells its role."""
    queue: Queued | None = None
    """The newest queue that the party, or a Local half on its behalf, waits in or waited in."""
    outer: str = ""
    """The queue whose member is a Local channel into `queue`: the party waits in both."""
    rung_for: Queued | None = None
    """The queue that rang this channel."""
    connects: dict[str, QueueConnected] = field(default_factory=dict)
    """Messages of queues about the member whom they connected, with this party as either, by `key_of` the queue."""
    lent: tuple[str, str] | None = None
    """Application and data of the Local half that runs Queue or Dial on behalf of this party."""
    behind: dict[str, Behind] = field(default_factory=dict)
    """Local channels between this party and the others, by the id of the half on the others' side."""

    @property
    def picked_up(self) -> bool:
        """Return whether the party picked up a call that rang at another phone."""
        return self.called and self.channel.app in DIALLED

    @property
    def is_first_half(self) -> bool:
        """Return whether the channel is the first half of a Local channel."""
        return self.channel.name.endswith(FIRST_HALF)


def key_of(queue: str) -> str:
    """Return the form in which queues' names are compared; Asterisk compares them without case."""
    return queue.casefold()


def queue_in(data: str) -> str:
    """Return the queue's name in the data of the application Queue."""
    return data.partition(",")[0].strip()


def applications(party: Party) -> list[tuple[str, str]]:
    """Return the (application, data) pairs of a party, the strongest evidence first.

    A party that runs Queue itself has moved on since its Local half did.
    """
    own = (party.channel.app, party.channel.app_data)
    return [own] if own[0] == "Queue" or party.lent is None else [party.lent, own]


def runs(party: Party, application: str) -> bool:
    """Return whether a party, or a Local half on its behalf, runs an application."""
    return any(app == application for app, _ in applications(party))


def lend(half: Party, other: Party, party: Party) -> None:
    """Let a party have what a Local half says on its behalf; `other` is the other half.

    Only the first half's application tells of the party: the second half's is the call that reaches the party. But a
    queue that the second half waits in is one that the party waits in.
    """
    dialled = other.channel.app_data if other.channel.app == "Dial" else ""
    party.behind[half.channel.id] = Behind(half.channel.name.rpartition("-")[0], dialled)
    party.role_variable = party.role_variable or half.role_variable
    if half.setting and party.setting != "off":
        party.setting = half.setting if half.setting == "off" else party.setting or half.setting
    for queue, connect in half.connects.items():
        if queue not in party.connects or party.connects[queue].at < connect.at:
            party.connects[queue] = connect
    if half.channel.app and (half.is_first_half or half.channel.app == "Queue"):
        party.lent = (half.channel.app, half.channel.app_data)
    if half.queue and (party.queue is None or party.queue.order < half.queue.order):
        nested = other.channel.app == "AppQueue" and party.queue is not None
        party.outer = party.queue.name if nested and party.queue else ""
        party.queue = half.queue
