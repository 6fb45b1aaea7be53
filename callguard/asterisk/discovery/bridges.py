"""Track which channels hear each other: channels, bridges and Local links. Pure.

A *party* is a channel through which a person talks. The two halves of a Local channel link two bridges. Snoops,
external media and supervisors are ours. None of these is a party. A *room* is the set of parties that hear each other:
those of one bridge, or of several bridges that Local channels link. A bridge that mixes no audio, such as a waiting
room, is no room.
"""

from collections.abc import Iterable
from itertools import count
from typing import Final

from callguard.asterisk.discovery.calls import Snapshot
from callguard.asterisk.discovery.party import FIRST_HALF, INCOMING, LOCAL, Party, Queued, lend, queue_in, runs
from callguard.asterisk.events import Bridge, Channel

NO_PARTY: Final = (
    *("Snoop/", "UnicastRTP/", "MulticastRTP/", "AudioSocket/", "WebSocket/"),
    *("Recorder/", "Announcer/", "CBAnn/", "CBRec/", "Surrogate/", "Message/"),
)


class Bridges:
    """All live channels. `app` is our Stasis application: channel ids that begin with `app.` are ours."""

    def __init__(self, app: str) -> None:
        self._ours = app + "."
        self._channels: dict[str, Party] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._locals: dict[str, str] = {}
        self._waiting_rooms: set[str] = set()
        """Bridges that mix no audio."""
        self._orders = count(1)

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
            party = self._channels[channel.id] = Party(channel, channel.context, called=channel.state == INCOMING)
            if channel.name.startswith(LOCAL):
                self._locals[channel.name] = channel.id
            self._note_queue(party, "")
        else:
            before, party.channel = party.channel, channel
            self._note_queue(party, queue_in(before.app_data) if before.app == "Queue" else "")
        return party

    def _note_queue(self, party: Party, before: str) -> None:
        """Note that a channel has begun to wait in a queue, unless it waited in it before."""
        name = queue_in(party.channel.app_data) if party.channel.app == "Queue" else ""
        if name and name != before:
            party.queue, party.outer = Queued(name, next(self._orders)), ""

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
        """Give each party of a room what Local halves say on its behalf, and the queue that rang it."""
        for half in self.halves(channel):
            other = self._other(half)
            for party in self._far_end(half):
                if other:
                    lend(half, other, party)
        room = self.room(channel)
        caller = next((party for party in room if party.queue and runs(party, "Queue")), None)
        for party in room:
            if caller and party is not caller and party.rung_for is None and runs(party, "AppQueue"):
                party.rung_for = caller.queue

    def members(self, bridge: str) -> list[str]:
        """Return the ids of the channels in a bridge."""
        return list(self._members.get(bridge, ()))

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
