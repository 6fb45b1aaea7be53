"""A tap keeps one leg's audio flowing to a worker until the tap is closed.

Path `audiosocket`: a snoop (spy=in) goes on to the dialplan, where AudioSocket connects it to the worker's port. The
snoop ends by itself with the leg or with the socket. Path `external_media`: a snoop and an RTP channel in a bridge,
without any dialplan. Asterisk leaves RTP channel and bridge behind, so we delete them; both channels have a lease.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeVar

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError, NotFoundError
from callguard.asterisk.events import AriEvent, ChannelDestroyed
from callguard.asterisk.names import HOST_VARIABLE, name, new_id
from callguard.asterisk.stasis import into_stasis
from callguard.asterisk.upkeep.leases import MEDIA_S
from callguard.asterisk.upkeep.reconciler import Reconciler
from callguard.asterisk.waiter import Waiter
from callguard.config import Media
from callguard.config.base import bracketed
from callguard.contracts.events import Event, TapLost, TapOpened, TapRestored
from callguard.contracts.messages import CallFacts, CloseCall, CloseLeg, LegSource, NoRoomError, OpenLeg, Transport
from callguard.contracts.vocabulary import Role
from callguard.runtime.tasks import within

T = TypeVar("T")

log = structlog.get_logger(__name__)

BACKOFF_S: Final = (0.1, 0.3, 1.0, 2.0, 5.0)
"""Pauses in seconds between attempts at one leg; the last repeats."""
FAREWELL_S: Final = 0.3
"""Seconds after the media's end in which a leg may still prove to be hung up: the event comes after the media's end."""

Reason = Literal["eof", "timeout", "stalled", "protocol", "full", "asterisk", "refused", "dialplan"]


class MediaPlane(Protocol):
    """The workers, as the ARI app sees them."""

    async def open_leg(self, leg: OpenLeg) -> int:
        """Return the port to which Asterisk must send the leg's media."""

    def send(self, call: str, message: CallFacts | CloseCall | CloseLeg | LegSource) -> None:
        """Send a message to the worker of a call."""


class LostError(Exception):
    """The media of a tap ended or never came."""

    def __init__(self, reason: Reason, why: str = "") -> None:
        super().__init__(why)
        self.reason: Reason = reason


@dataclass(frozen=True)
class TapKit:
    """The parts that every tap uses."""

    ari: AriClient
    watch: Waiter
    reconciler: Reconciler
    media: MediaPlane
    config: Media
    emit: Callable[[Event], None]

    @property
    def transport(self) -> Transport:
        """Transport of the media."""
        return "audiosocket" if self.config.tap == "audiosocket" else "rtp"


@dataclass(eq=False)
class Tap:
    """Keeps one leg tapped: opens, waits for the loss, opens again; ends with close() or with the channel.

    `facts` returns the call's facts, which a worker needs before its legs: a restarted worker knows no calls.
    """

    kit: TapKit
    call: str
    role: Role
    channel: str
    channel_name: str
    facts: Callable[[], CallFacts]
    leg: str = ""
    """UUID of the present attempt."""
    step: str = ""
    """Step that the present attempt waits for; each step has a time limit of its own."""
    connected: bool = False
    _news: "asyncio.Queue[Literal['connected'] | LostError]" = field(default_factory=asyncio.Queue)
    _task: "asyncio.Task[None] | None" = None
    _lost_for: set[Reason] = field(default_factory=set)
    """Published reasons of the present loss."""

    def start(self, after_s: float = 0.0) -> None:
        """Start keeping the leg tapped, `after_s` seconds from now."""
        self._task = asyncio.create_task(self._keep(after_s), name=f"tap {self.role} {self.channel}")

    def close(self) -> "asyncio.Task[None] | None":
        """Stop; when the returned task has ended, the removal of everything in Asterisk has begun."""
        if self._task is not None:
            self._task.cancel()
        return self._task

    def on_connected(self) -> None:
        """Note the worker's report that the first frame came."""
        self._news.put_nowait("connected")

    def on_lost(self, reason: Reason) -> None:
        """Note the report that the media ended."""
        self._news.put_nowait(LostError(reason))

    async def _keep(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        failures = 0
        while True:
            try:
                await self._once()
            except NotFoundError:
                return  # the leg hung up; discovery reports its end
            except LostError as error:
                reason, why = error.reason, str(error)
            except AriError as error:
                reason, why = "asterisk", str(error)
            failures = 0 if self.connected else failures + 1
            if not await self._still_there():
                return
            self._report_loss(reason, why)
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])

    async def _once(self) -> None:
        """Open the tap and wait until it is lost. Raises LostError or AriError."""
        self.leg, self.connected, self._news = new_id(), False, asyncio.Queue()
        self.kit.media.send(self.call, self.facts())
        try:
            port = await self._open_leg()
            path = self._audiosocket if self.kit.transport == "audiosocket" else self._external_media
            async with path(port):
                await self._first_frame()
                self._report_open()
                news = await self._news.get()
                while news == "connected":
                    news = await self._news.get()
                raise news
        finally:
            self.kit.media.send(self.call, CloseLeg(self.leg))

    async def _open_leg(self) -> int:
        self.step = "worker"
        leg = OpenLeg(
            self.leg,
            self.call,
            self.role,
            self.kit.transport,
            self._codec,
            announced=self._announced,
            channel=self.channel,
        )
        try:
            return await within(self.kit.media.open_leg(leg), self.kit.config.connect_timeout_s)
        except NoRoomError as error:
            raise LostError("full", str(error)) from error
        except (OSError, RuntimeError) as error:  # TimeoutError is an OSError; a stopping pool raises a RuntimeError
            raise LostError("refused", str(error) or type(error).__name__) from error

    @property
    def _announced(self) -> bool:
        """Return whether the worker gets the source address of the leg's RTP."""
        return self.kit.transport == "rtp" and not self.kit.config.sources

    @property
    def _codec(self) -> Literal["slin", "slin16", "ulaw", "alaw"]:
        return "slin" if self.kit.transport == "audiosocket" else self.kit.config.rtp_codec

    async def _first_frame(self) -> None:
        self.step = "first frame"
        try:
            news = await within(self._news.get(), self.kit.config.connect_timeout_s)
        except TimeoutError:
            raise LostError("timeout") from None
        if news != "connected":
            raise news
        self.connected, self.step = True, "connected"

    # --- the two paths ---

    @asynccontextmanager
    async def _audiosocket(self, port: int) -> AsyncIterator[None]:
        ari, extension = self.kit.ari, f"u{port}"
        async with self._held(self.leg):
            await self._snoop()
            with self.kit.watch.on(self.leg, ChannelDestroyed) as gone:
                gone.add_done_callback(self._on_gone)
                self.step = "dialplan"
                if host := self.kit.config.named_host:
                    await ari.set_variable(self.leg, HOST_VARIABLE, host)
                await ari.continue_to(self.leg, context=self.kit.config.tap_context, extension=extension)
                yield

    def _on_gone(self, gone: "asyncio.Future[AriEvent]") -> None:
        """Note a failed tap: a snoop that ends before any media did not pass the dialplan or reach the worker."""
        if not gone.cancelled() and not self.connected:
            self.on_lost("dialplan")

    @asynccontextmanager
    async def _external_media(self, port: int) -> AsyncIterator[None]:
        ari, config, leases = self.kit.ari, self.kit.config, self.kit.reconciler.leases
        media, mixer = name(ari.app, "media", self.leg), name(ari.app, "mixer", self.leg)
        async with self._held(self.leg, media, mixer):
            await self._snoop()
            host = f"{bracketed(config.advertise or config.listen)}:{port}"
            self.step = "media channel"
            source = await self._in_stasis(media, ari.external_media(media, host=host, codec=config.rtp_codec))
            if self._announced:
                self.kit.media.send(self.call, LegSource(self.leg, source))
            self.step = "lease"
            await asyncio.gather(leases.grant(self.leg, MEDIA_S), leases.grant(media, MEDIA_S))
            self.step = "bridge"
            await ari.create_bridge(mixer)
            await ari.add_to_bridge(mixer, self.leg, media)
            yield

    @asynccontextmanager
    async def _held(self, *ids: str) -> AsyncIterator[None]:
        """Hold the tap's objects; start their removal at the end, without waiting for it."""
        self.kit.reconciler.hold(*ids)
        try:
            yield
        finally:
            self.kit.reconciler.remove_all(ids)

    async def _snoop(self) -> None:
        self.step = "snoop"
        await self._in_stasis(self.leg, self.kit.ari.snoop(self.channel, self.leg, spy="in"))

    async def _in_stasis(self, channel: str, request: Coroutine[Any, Any, T]) -> T:
        return await into_stasis(self.kit.watch, channel, request, self.kit.config.connect_timeout_s)

    # --- events ---

    def _report_open(self) -> None:
        kind = TapRestored if self._lost_for else TapOpened
        self._lost_for.clear()
        self.kit.emit(kind(**self._facts()))

    def _report_loss(self, reason: Reason, why: str) -> None:
        """Publish each reason of a loss once: the next attempt may fail for another one."""
        if reason not in self._lost_for:
            self._lost_for.add(reason)
            log.warning("tap_lost", call=self.call, role=self.role, step=self.step, reason=reason, why=why)
            self.kit.emit(TapLost(**self._facts(), reason=reason))

    def _facts(self) -> dict[str, Any]:
        return {
            "call": self.call,
            "leg": self.role,
            "tap": self.leg,
            "channel": self.channel_name,
            "path": self.kit.config.tap,
        }

    async def _still_there(self) -> bool:
        await asyncio.sleep(FAREWELL_S)
        try:
            await self.kit.ari.channel(self.channel)
        except NotFoundError:
            return False
        except AriError:
            return True  # unknown for now; discovery reports a hangup
        return True
