"""What nobody of us will end is found by its names and removed: what an earlier run left, what came too late."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callguard.asterisk.client import AriClient, AriError
from callguard.asterisk.events import AriEvent, Bridge, Channel, ChannelCreated, StasisStart
from callguard.asterisk.names import AWAITED, BRIDGES, SUPERVISOR, kind_of, mode_of_ear, name
from callguard.asterisk.stasis import quietly
from callguard.contracts.vocabulary import SupervisionMode

SESSION_VARIABLE = "CALLGUARD_SESSION"
"""On a supervisor's channel: the call's id, a space, the supervisor's name."""
SECOND_HALF = ";2"
"""What Asterisk adds to the id of a Local channel for its other half."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A supervisor of an earlier run who is neither in a room nor in the call: rung, or being briefed."""

    session: str
    call: str
    supervisor: str


@dataclass(frozen=True, slots=True)
class Seated(Orphan):
    """A supervisor who sat in a room of an earlier run.

    `mode` is that of the ear in the room; None when there is none, because the mode was just being changed or the
    supervisor waits for the agent. `since`: Unix time at which the room was made.
    """

    mode: SupervisionMode | None
    since: float | None


@dataclass(frozen=True, slots=True)
class Remains:
    """What was found: supervisors released, and supervisors (channel ids) who have taken a call over and stay."""

    released: tuple[Orphan, ...]
    took_over: tuple[str, ...]


async def sweep(ari: AriClient, channels: Sequence[Channel], bridges: Sequence[Bridge]) -> Remains:
    """Remove an earlier run's rooms, mixers and channels, and name the supervisors.

    Snoops that feed AudioSocket are not looked for: they ended with the worker's socket.
    """
    ours = {bridge.id for bridge in bridges if kind_of(ari.app, bridge.id) in BRIDGES}
    elsewhere = {channel for bridge in bridges if bridge.id not in ours for channel in bridge.channels}
    inside = {channel for bridge in bridges if bridge.id in ours for channel in bridge.channels}
    made = {channel.id for channel in channels if kind_of(ari.app, channel.id) or _idle_snoop(ari.app, channel)}
    supervisors = {channel for channel in made if kind_of(ari.app, channel) == SUPERVISOR}
    took_over = supervisors & elsewhere
    rooms = {bridge.id: bridge for bridge in bridges}
    orphans = await asyncio.gather(*(_identify(ari, each, rooms) for each in sorted(supervisors - took_over)))
    await quietly(
        *(ari.hang_up(channel) for channel in sorted((made | inside) - took_over)),
        *(ari.destroy_bridge(bridge) for bridge in sorted(ours)),
    )
    return Remains(tuple(orphan for orphan in orphans if orphan), tuple(sorted(took_over)))


def expected(app: str, event: AriEvent) -> str | None:
    """Return the id for which somebody of us must be waiting, if an event shows the coming of a channel that we made.

    If nobody does, Asterisk was slower than our patience: a phone would ring for nobody, a snoop would stay.
    """
    if isinstance(event, ChannelCreated) and kind_of(app, event.channel.id) in AWAITED:
        return event.channel.id.removesuffix(SECOND_HALF)
    if isinstance(event, StasisStart) and _idle_snoop(app, event.channel):
        return event.channel.id
    return None


def _idle_snoop(app: str, channel: Channel) -> bool:
    """Whether it is a tap's snoop that has not gone on to the dialplan."""
    return channel.name.startswith("Snoop/") and channel.app == "Stasis" and channel.app_data.split(",")[0] == app


async def _identify(ari: AriClient, channel: str, rooms: Mapping[str, Bridge]) -> Orphan | None:
    try:
        call, _, supervisor = (await ari.variable(channel, SESSION_VARIABLE)).partition(" ")
    except AriError:
        return None
    if not supervisor:
        return None
    session = channel.rpartition(".")[2]
    room = rooms.get(name(ari.app, "room", session))
    if room is None or channel not in room.channels:
        return Orphan(session, call, supervisor)
    modes = (mode_of_ear(ari.app, each) for each in room.channels)
    return Seated(session, call, supervisor, next((mode for mode in modes if mode), None), room.created)
