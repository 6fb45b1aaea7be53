"""A fake ARI whose channels enter and leave Stasis as they are made and deleted, seen by a Watch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from callguard.asterisk.client import AriClient
from callguard.asterisk.events import (
    Bridge,
    Channel,
    ChannelDestroyed,
    ChannelEnteredBridge,
    PlaybackFinished,
    StasisStart,
)
from callguard.asterisk.waiter import Waiter
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari

RTP_VARIABLES = {"UNICASTRTP_LOCAL_ADDRESS": "127.0.0.1", "UNICASTRTP_LOCAL_PORT": "15960"}


@asynccontextmanager
async def stasis() -> AsyncIterator[tuple[FakeAri, AriClient, Waiter]]:
    watch = Waiter()
    async with fake_ari() as fake, AriClient(fake.config(timeout_s=1)) as ari:
        fake.after = lambda request: _happen(fake, watch, request)
        fake.answer("POST", "/channels/externalMedia", {"id": "x", "channelvars": RTP_VARIABLES})
        yield fake, ari, watch


def _happen(fake: FakeAri, watch: Waiter, request: web.Request) -> None:
    parts = request.path.removeprefix("/ari/").split("/")
    match request.method, parts:
        case "POST", ["channels", _, "snoop"]:
            watch.see(StasisStart(0.0, Channel(request.query["snoopId"], "Snoop/x")))
        case "POST", ["channels", "externalMedia"]:
            watch.see(StasisStart(0.0, Channel(request.query["channelId"], "UnicastRTP/x")))
        case "DELETE", ["channels", channel] if channel not in fake.stuck:
            watch.see(ChannelDestroyed(0.0, Channel(channel, "Snoop/x"), 16))
        case "POST", ["channels", channel, "continue"] if channel not in fake.stuck:
            watch.see(ChannelEnteredBridge(0.0, Channel(channel, "PJSIP/boss-1"), Bridge("call")))
        case "POST", ["channels", _, "play", playback]:
            watch.see(PlaybackFinished(0.0, playback, fake.playback_state))
