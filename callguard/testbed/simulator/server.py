"""The simulated PBX as a whole: the exchange, its ARI on loopback, its media sockets, and the clock that drives it."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from callguard.audio.frames import FRAME_S
from callguard.testbed.simulator.applications import Applications
from callguard.testbed.simulator.clock import Clock
from callguard.testbed.simulator.dialplan import Dialplan
from callguard.testbed.simulator.ears import Sound
from callguard.testbed.simulator.exchange import Exchange
from callguard.testbed.simulator.media import AudioSocket, RtpSession
from callguard.testbed.simulator.objects import Json, Phone
from callguard.testbed.simulator.rest.bridges import BridgeRest
from callguard.testbed.simulator.rest.channels import ChannelRest
from callguard.testbed.simulator.rest.devices import DeviceRest
from callguard.testbed.simulator.rest.general import GeneralRest, guard
from callguard.testbed.simulator.weather import Weather

HOST: Final = "127.0.0.1"
LATEST_S: Final = 0.5
"""Seconds behind real time up to which the clock catches up; a longer delay is skipped."""
LOOK_S: Final = 0.1
POLLS: Final = 4
"""Rounds of the event loop between two frames of virtual time: a request arrives, is handled, its answer is sent."""


class Simulator:
    """A simulated PBX. Use as an async context manager.

    Args:
        port: port of ARI; 0: any free port.
        speed: speed as a multiple of real time; None: time advances by `advance` only.
    """

    def __init__(
        self, *, port: int = 0, user: str = "callguard", password: str = "", speed: float | None = 1.0
    ) -> None:
        self.phones: dict[str, Phone] = {}
        self.weather = Weather()
        self.observers: list[Callable[[Json], None]] = []
        self.port = port
        self.clock = Clock(time.time())
        """The script's time, which continues over a restart."""
        self.restarts = 0
        self._login = (user, password)
        self._speed = speed
        self._tasks: set[asyncio.Task[None]] = set()
        self._boot()

    def _boot(self) -> None:
        """Start without calls, as an Asterisk that has just started."""
        self.applications = Applications()
        self.exchange = Exchange(Clock(time.time()), self._publish)
        self.sound = Sound(self.exchange)

    def _publish(self, event: Json, concerns: frozenset[str]) -> None:
        self.applications.deliver(event, concerns)
        for observe in self.observers:
            observe(event)

    @property
    def url(self) -> str:
        """Base URL of ARI's HTTP server."""
        return f"http://{HOST}:{self.port}"

    def add(self, *phones: Phone) -> None:
        """Connect phones."""
        self.phones.update({phone.endpoint: phone for phone in phones})

    async def __aenter__(self) -> Self:
        await self._listen()
        if self._speed is not None:
            self._spawn(self._run(FRAME_S / self._speed))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close()

    # --- time ---

    def step(self) -> None:
        """Advance by 20 ms."""
        self.clock.tick()
        self.exchange.clock.tick()
        self.sound.step()

    async def advance(self, seconds: float) -> None:
        """Advance in virtual time; all sockets are served between frames."""
        for _ in range(round(seconds / FRAME_S)):
            self.step()
            for _ in range(POLLS):
                await asyncio.sleep(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, which is checked every 0.1 s of the script's time."""
        met = asyncio.Event()

        def look() -> None:
            if condition():
                met.set()
            else:
                self.clock.after(LOOK_S, look)

        look()
        await met.wait()

    async def _run(self, period: float) -> None:
        due = asyncio.get_running_loop().time()
        while True:
            due += period
            late = asyncio.get_running_loop().time() - due
            if late > LATEST_S:
                due += late
            await asyncio.sleep(max(0.0, -late))
            self.step()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- network ---

    async def _listen(self) -> None:
        app = web.Application(middlewares=[guard(*self._login, self.weather)])
        dialplan = Dialplan(self.exchange, self._open_audiosocket)
        rest = (self.exchange, self.applications)
        channels = ChannelRest(*rest, dialplan, self.phones, RtpSession.open)
        self._general = GeneralRest(*rest)
        for part in (self._general, channels, BridgeRest(*rest), DeviceRest(*rest, self.phones)):
            app.add_routes(part.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        for channel in self.exchange.channels.values():
            if channel.media:
                channel.media.close()
        self.exchange.channels.clear()
        self.drop_sockets()
        await self._runner.cleanup()

    def _open_audiosocket(self, tap: uuid.UUID, port: int, ended: Callable[[], None]) -> AudioSocket:
        media = AudioSocket(tap, ended)
        self._spawn(media.connect(HOST, port))
        return media

    # --- faults beyond a single answer ---

    def drop_sockets(self) -> None:
        """Break all event sockets without a close frame: clients see close code 1006."""
        self._general.drop_sockets()

    def cut_media(self) -> None:
        """Break every media connection."""
        for channel in list(self.exchange.channels.values()):
            if isinstance(channel.media, AudioSocket | RtpSession):
                channel.media.cut()

    def restart_soon(self, down_s: float) -> None:
        """Start a restart without waiting for its end."""
        self._spawn(self.restart(down_s))

    async def restart(self, down_s: float = 0.5) -> None:
        """Crash with all calls, and return at the same address after `down_s`."""
        await self._close()
        self._boot()
        self.restarts += 1
        await asyncio.sleep(down_s)
        await self._listen()
