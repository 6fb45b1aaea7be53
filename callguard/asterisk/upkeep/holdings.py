"""Compares the objects of ours that should exist in Asterisk with those that do exist. Pure.

An object is held from before its creation is requested until its removal begins. So every object that exists, bears our
name and is not held must go, whatever the cause: an earlier run left it, a clean-up failed, or Asterisk created it so
late that its maker had stopped waiting.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from callguard.asterisk.events import AriEvent, Bridge, Channel, ChannelCreated, StasisStart
from callguard.asterisk.names import AWAITED, BRIDGES, SUPERVISOR, kind_of, mode_of_ear, name
from callguard.contracts.vocabulary import SupervisionMode

STASIS: Final = "Stasis"
UP: Final = "Up"
SECOND_HALF: Final = ";2"
"""Suffix that Asterisk adds to the id of a Local channel for its other half."""


class Holdings:
    """Ids of the objects that a part of this node holds."""

    def __init__(self, app: str) -> None:
        self.app = app
        self._held: set[str] = set()

    def __contains__(self, object_id: str) -> bool:
        return object_id.removesuffix(SECOND_HALF) in self._held

    def hold(self, *ids: str) -> None:
        """Hold objects. Call it before their creation is requested."""
        self._held.update(ids)

    def let_go(self, *ids: str) -> None:
        """Hold objects no longer."""
        self._held.difference_update(ids)

    def stray(self, event: AriEvent) -> str | None:
        """Return the id of a new channel in an event, if it is ours and not held."""
        if isinstance(event, ChannelCreated):
            ours = kind_of(self.app, event.channel.id) in AWAITED
        elif isinstance(event, StasisStart):
            ours = is_idle_snoop(self.app, event.channel)
        else:
            return None
        return event.channel.id if ours and event.channel.id not in self else None

    def surplus(self, channels: Iterable[Channel], bridges: Iterable[Bridge]) -> list[str]:
        """Return the ids of existing objects that are ours and not held: ears first, the bridges last."""
        bridges = list(bridges)
        parties = members_elsewhere(self.app, bridges)
        found = [each.id for each in channels if self._is_ours(each) and not is_party(self.app, each, parties)]
        rooms = [each.id for each in bridges if kind_of(self.app, each.id) in BRIDGES]
        return [each for each in sorted(found, key=self._urgency) + rooms if each not in self]

    def _is_ours(self, channel: Channel) -> bool:
        return kind_of(self.app, channel.id) is not None or is_idle_snoop(self.app, channel)

    def _urgency(self, channel: str) -> bool:
        """Sort ears first: an ear overhears a conversation, a supervisor's channel alone does not."""
        return kind_of(self.app, channel) != "ear"


def is_idle_snoop(app: str, channel: Channel) -> bool:
    """Return whether a channel is a tap's snoop that has not gone on to the dialplan."""
    return channel.name.startswith("Snoop/") and channel.app == STASIS and channel.app_data.split(",")[0] == app


def members_elsewhere(app: str, bridges: Iterable[Bridge]) -> set[str]:
    """Return the channels in bridges that are not ours."""
    return {channel for bridge in bridges if kind_of(app, bridge.id) not in BRIDGES for channel in bridge.channels}


def is_party(app: str, channel: Channel, elsewhere: set[str]) -> bool:
    """Return whether a supervisor's channel is, or may be, a party of the call, by its bridge or the dialplan."""
    if kind_of(app, channel.id) != SUPERVISOR:
        return False
    return channel.id in elsewhere or (channel.state == UP and channel.app != STASIS)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A supervisor whom an earlier run left ringing or in the briefing, in no room and no call."""

    session: str
    call: str
    supervisor: str
    channel: str


@dataclass(frozen=True, slots=True)
class Seated(Orphan):
    """A supervisor in a room of an earlier run.

    `mode` is that of the ear in the room; None when there is no ear, because the mode was being changed or the
    supervisor waits for the agent. `since`: Unix time at which the room was created.
    """

    mode: SupervisionMode | None
    since: float | None


def orphan(app: str, channel: str, note: str, bridges: Iterable[Bridge]) -> Orphan | None:
    """Return the supervisor whom an earlier run left on `channel`; None when its note names none.

    `note`: the call's id, a space, the supervisor's name."""
    call, _, supervisor = note.partition(" ")
    if not supervisor:
        return None
    session = channel.rpartition(".")[2]
    room = next((each for each in bridges if each.id == name(app, "room", session)), None)
    if room is None or channel not in room.channels:
        return Orphan(session, call, supervisor, channel)
    modes = (mode_of_ear(app, each) for each in room.channels)
    return Seated(session, call, supervisor, channel, next((mode for mode in modes if mode), None), room.created)
