"""Track which channels hear each other: channels, bridges and Local links. Pure.

A *party* is a channel through which a person talks. Two halves of a Local channel link two bridges. Snoops, external
media and supervisors are ours, and none of them is a party. A *room* is the set of parties that hear each other: those
of one bridge, or of several bridges that Local channels link.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from callguard.asterisk.discovery.calls import QueueConnected, Snapshot
from callguard.asterisk.events import Bridge, Channel
from callguard.contracts.vocabulary import Role

NO_PARTY: Final = ("Snoop/", "UnicastRTP/", "AudioSocket/", "WebSocket/", "Recorder/", "Announcer/", "CBAnn/")
LOCAL: Final = "Local/"


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


class Bridges:
    """All live channels. `app` is our Stasis application: channel ids that begin with `app.` are ours."""

    def __init__(self, app: str) -> None:
        self._ours = app + "."
        self._channels: dict[str, Party] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._locals: dict[str, str] = {}

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

    def enter(self, channel: Channel, bridge: str) -> Party:
        """Put a channel into a bridge and out of any other."""
        party = self.see(channel)
        self._leave(party)
        party.bridge = bridge
        self._members.setdefault(bridge, {})[channel.id] = None
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
                    self.enter(alive[channel], bridge.id)

    def _leave(self, party: Party) -> None:
        members = self._members.get(party.bridge or "")
        if members is not None:
            members.pop(party.channel.id, None)
            if not members:
                del self._members[party.bridge or ""]
        party.bridge = None

    def room(self, channel: str) -> list[Party]:
        """Return the parties in a channel's room in order of arrival; empty where the channel is in no bridge."""
        start = self._channels.get(channel)
        if start is None or start.bridge is None:
            return []
        bridges, parties = [start.bridge], []
        for bridge in bridges:  # grows as long as Local channels lead to more bridges
            for member in self._members[bridge]:
                party = self._channels[member]
                beyond = self._beyond(party)
                if beyond and beyond not in bridges:
                    bridges.append(beyond)
                elif self._is_party(party):
                    parties.append(party)
        return parties

    def occupied(self) -> list[str]:
        """Return one channel id of each bridge."""
        return [next(iter(members)) for members in self._members.values()]

    def _beyond(self, party: Party) -> str | None:
        """Return the bridge at the other end of a Local channel."""
        name = party.channel.name
        if not name.startswith(LOCAL):
            return None
        other = name[:-1] + ("2" if name.endswith("1") else "1")
        half = self._channels.get(self._locals.get(other, ""))
        return half.bridge if half else None

    def _is_party(self, party: Party) -> bool:
        if party.channel.id.startswith(self._ours):
            return party.handed
        return not party.channel.name.startswith((LOCAL, *NO_PARTY))
