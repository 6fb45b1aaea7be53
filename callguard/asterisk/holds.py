"""Read which phones hold, at the start and after a gap in the events: ARI's lists of channels do not tell it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.errors import AriError
from callguard.asterisk.events import Bridge, Channel, ChannelHold, ChannelUnhold
from callguard.asterisk.waiter import Waiter

log = structlog.get_logger(__name__)

HOLD: Final = "CHANNEL(rtp,hold,audio)"
"""1 while the phone of a PJSIP channel holds, else 0; other channels have no such function."""
KINDS: Final[Mapping[str, type[ChannelHold | ChannelUnhold]]] = {"1": ChannelHold, "0": ChannelUnhold}
TECHNOLOGY: Final = "PJSIP/"
AT_ONCE: Final = 8
"""Requests at the same time."""


async def read_holds(
    ari: AriClient,
    watch: Waiter,
    present: tuple[Sequence[Channel], Sequence[Bridge]],
    calls: Mapping[str, Call],
    see: Callable[[ChannelHold | ChannelUnhold], None],
) -> None:
    """Call `see` for each phone in a bridge whose hold is not known; an event that comes meanwhile is newer."""
    channels, bridges = present
    talking = {channel for bridge in bridges for channel in bridge.channels}
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(channel: Channel) -> None:
        async with gate:
            with watch.on(channel.id, ChannelHold, ChannelUnhold) as event:
                try:
                    value = await ari.variable(channel.id, HOLD)
                except AriError as error:
                    log.info("hold_not_read", channel=channel.id, error=str(error))
                    return
                kind = KINDS.get(value)
                if kind and not event.done() and (kind is ChannelHold) != _known(calls, channel.id):
                    see(kind(time.time(), channel))

    await asyncio.gather(*(read(each) for each in channels if each.id in talking and each.name.startswith(TECHNOLOGY)))


def _known(calls: Mapping[str, Call], channel: str) -> bool:
    """Return whether a present call is known to be held by a channel."""
    parties = ((call, {"customer": call.customer, "agent": call.agent}) for call in calls.values())
    return any(ids[role] == channel for call, ids in parties for role in call.held_by)
