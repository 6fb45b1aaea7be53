"""A fake ARI whose channels enter and leave Stasis as they are made and deleted, seen by a waiter and a reconciler."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from callguard.asterisk.client import AriClient
from callguard.asterisk.events import (
    AriEvent,
    Bridge,
    Channel,
    ChannelDestroyed,
    ChannelEnteredBridge,
    PlaybackFinished,
    StasisStart,
)
from callguard.asterisk.upkeep.reconciler import Reconciler
from callguard.asterisk.waiter import Waiter
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari

RTP_VARIABLES = {"UNICASTRTP_LOCAL_ADDRESS": "127.0.0.1", "UNICASTRTP_LOCAL_PORT": "15960"}


@asynccontextmanager
async def stasis() -> AsyncIterator[tuple[FakeAri, AriClient, Waiter, Reconciler]]:
    watch = Waiter()
    async with fake_ari() as fake, AriClient(fake.config(timeout_s=1)) as ari:
        reconciler = Reconciler(ari)

        def see(event: AriEvent) -> None:
            reconciler.see(event)
            watch.see(event)

        fake.after = lambda request: _happen(fake, see, request)
        fake.answer("POST", "/channels/externalMedia", {"id": "x", "channelvars": RTP_VARIABLES})
        yield fake, ari, watch, reconciler
        await reconciler.close(0)


async def removed(reconciler: Reconciler) -> None:
    """Wait until all that is being removed is proved to be gone."""
    async with asyncio.timeout(2):
        while reconciler.under_way:
            await asyncio.sleep(0.005)


def _happen(fake: FakeAri, see: Callable[[AriEvent], None], request: web.Request) -> None:
    parts = request.path.removeprefix("/ari/").split("/")
    match request.method, parts:
        case "POST", ["channels", _, "snoop"]:
            see(StasisStart(0.0, Channel(request.query["snoopId"], "Snoop/x")))
        case "POST", ["channels", "externalMedia"]:
            see(StasisStart(0.0, Channel(request.query["channelId"], "UnicastRTP/x")))
        case "DELETE", ["channels", channel] if channel not in fake.stuck:
            see(ChannelDestroyed(0.0, Channel(channel, "Snoop/x"), 16))
        case "POST", ["channels", channel, "continue"] if channel not in fake.stuck:
            see(ChannelEnteredBridge(0.0, Channel(channel, "PJSIP/boss-1"), Bridge("call")))
        case "POST", ["channels", _, "play", playback]:
            see(PlaybackFinished(0.0, playback, fake.playback_state))
