"""Track which channels hear each other: channels, bridges and Local links. Pure.

A *party* is a channel through which a person talks. The two halves of a Local channel link two bridges. Snoops,
external media and supervisors are ours. None of these is a party. A *room* is the set of parties that hear each other:
those of one bridge, or of several bridges that Local channels link. A bridge that mixes no audio, such as a waiting
room, is no room.

The facts of a Local half count for the party at its far end, even after the Local channel is optimised away.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from callguard.asterisk.discovery.calls import QueueConnected, Snapshot
from callguard.asterisk.events import Bridge, Channel
from callguard.contracts.vocabulary import Role

NO_PARTY: Final = ("Snoop/", "UnicastRTP/", "AudioSocket/", "WebSocket/", "Recorder/", "Announcer/", "CBAnn/")
LOCAL: Final = "Local/"
FIRST_HALF: Final = ";1"
"""The half for which a program or a queue requested the Local channel; the other half runs the dialplan."""


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
    connect: QueueConnected | None = None
    """The queue's message about the member whom it connected to this customer."""
    lent: tuple[str, str] | None = None
    """Application and data of the Local half that runs Queue or Dial on behalf of this party."""
    behind: dict[str, str] = field(default_factory=dict)
    """Local halves between this party and the others: id, and interface by which the half was called."""


def applications(party: Party) -> list[tuple[str, str]]:
    """Return the (application, data) pairs of a party, the strongest evidence first.

    A party that runs Queue itself has moved on since its Local half did.
    """
    own = (party.channel.app, party.channel.app_data)
    return [own] if own[0] == "Queue" or party.lent is None else [party.lent, own]


class Bridges:
    """All live channels. `app` is our Stasis application: channel ids that begin with `app.` are ours."""

    def __init__(self, app: str) -> None:
        self._ours = app + "."
        self._channels: dict[str, Party] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._locals: dict[str, str] = {}
        self._waiting_rooms: set[str] = set()
        """Bridges that mix no audio."""

    def get(self, channel: str) -> Party | None:
        """Return the party of a channel id, or None."""
        return self._channels.get(channel)

    def __len__(self) -> int:
        return len(self._channels)

    def set_to(self, setting: str) -> list[Party]:
        """Return the parties whose CALLGUARD has this value."""
        return [party for party in self._channels.values() if party.setting == setting]

    def see(self, channel: Channel) -> Party:
        """Store a channel's newest state."""
        party = self._channels.get(channel.id)
        if party is None:
            party = self._channels[channel.id] = Party(channel, channel.context)
            if channel.name.startswith(LOCAL):
                self._locals[channel.name] = channel.id
        party.channel = channel
        return party

    def enter(self, channel: Channel, bridge: Bridge) -> Party:
        """Put a channel into a bridge, out of any other."""
        party = self.see(channel)
        self._leave(party)
        party.bridge = bridge.id
        self._members.setdefault(bridge.id, {})[channel.id] = None
        if bridge.mixes:
            self._waiting_rooms.discard(bridge.id)
        else:
            self._waiting_rooms.add(bridge.id)
        return party

    def leave(self, channel: Channel, bridge: str) -> Party:
        """Take a channel out of a bridge; a channel that has since moved to another bridge stays there."""
        party = self.see(channel)
        if party.bridge == bridge:
            self._leave(party)
        return party

    def forget(self, channel: str) -> Party | None:
        """Remove a channel that has ended."""
        party = self._channels.pop(channel, None)
        if party is not None:
            self._leave(party)
            self._locals.pop(party.channel.name, None)
        return party

    def settle(self, snapshot: Snapshot) -> list[str]:
        """Replace all state by the PBX's snapshot; return the ids of channels that have ended."""
        alive = {channel.id: channel for channel in snapshot.channels}
        gone = [channel for channel in self._channels if channel not in alive]
        for channel in snapshot.channels:
            self._leave(self.see(channel))
        self._place(alive, snapshot.bridges)
        return gone

    def _place(self, alive: dict[str, Channel], bridges: Iterable[Bridge]) -> None:
        for bridge in bridges:
            for channel in bridge.channels:
                if channel in alive:
                    self.enter(alive[channel], bridge)

    def _leave(self, party: Party) -> None:
        members = self._members.get(party.bridge or "")
        if members is not None:
            members.pop(party.channel.id, None)
            if not members:
                del self._members[party.bridge or ""]
                self._waiting_rooms.discard(party.bridge or "")
        party.bridge = None

    def room(self, channel: str) -> list[Party]:
        """Return the parties in the room of a channel, in order of arrival; empty when it is in no bridge."""
        return [party for party in self._reached(channel) if self._is_party(party)]

    def halves(self, channel: str) -> list[Party]:
        """Return the Local halves that link the room of a channel."""
        return [party for party in self._reached(channel) if self._beyond(party)]

    def lend(self, channel: str) -> None:
        """Give each party of a room what the Local halves say on its behalf."""
        for half in self.halves(channel):
            for party in self._far_end(half):
                _lend(half, party)

    def _reached(self, channel: str, but: Party | None = None) -> list[Party]:
        """Return all channels in the bridges that can be reached, without passing through the half `but`."""
        start = self._channels.get(channel)
        if start is None or start.bridge is None or start.bridge in self._waiting_rooms:
            return []
        bridges, reached = [start.bridge], []
        for bridge in bridges:  # grows while Local channels lead on
            for member in self._members[bridge]:
                party = self._channels[member]
                reached.append(party)
                beyond = None if party is but else self._beyond(party)
                if beyond and beyond not in bridges and beyond not in self._waiting_rooms:
                    bridges.append(beyond)
        return reached

    def _far_end(self, half: Party) -> list[Party]:
        """Return the parties for which a Local half stands in its bridge: those beyond its other half."""
        other = self._other(half)
        if other is None:
            return []
        return [party for party in self._reached(other.channel.id, but=other) if self._is_party(party)]

    def occupied(self) -> list[str]:
        """Return one channel id of each bridge."""
        return [next(iter(members)) for members in self._members.values()]

    def _beyond(self, party: Party) -> str | None:
        """Return the bridge at the other end of a Local channel."""
        other = self._other(party)
        return other.bridge if other else None

    def _other(self, half: Party) -> Party | None:
        """Return the other half of a Local channel."""
        name = half.channel.name
        if not name.startswith(LOCAL):
            return None
        other = name[:-1] + ("2" if name.endswith(FIRST_HALF[-1]) else "1")
        return self._channels.get(self._locals.get(other, ""))

    def _is_party(self, party: Party) -> bool:
        if party.channel.id.startswith(self._ours):
            return party.handed
        return not party.channel.name.startswith((LOCAL, *NO_PARTY))


def _lend(half: Party, party: Party) -> None:
    """Let a party have what a Local half says on its behalf.

    Only the first half's application tells of the party: the second half's is the call that reaches the party.
    """
    party.behind[half.channel.id] = half.channel.name.rpartition("-")[0]
    party.role_variable = party.role_variable or half.role_variable
    if half.setting and party.setting != "off":
        party.setting = half.setting if half.setting == "off" else party.setting or half.setting
    if half.connect and (party.connect is None or party.connect.at < half.connect.at):
        party.connect = half.connect
    if half.channel.name.endswith(FIRST_HALF) and half.channel.app:
        party.lent = (half.channel.app, half.channel.app_data)
