"""The event loop of a simulated afternoon: when nothing is left to do, it is the time of the next timer.

No thread, socket or process is waited for: whatever talks to each other does so in memory (`line`), in the loop's next
round. So no load of the machine can change what happens when.
"""

import asyncio
import errno
import heapq
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from itertools import count
from typing import Any

import pytest

from tests.acceptance.harness.line import FIRST_PORT, Factory, Line, Listener

START = datetime(2100, 1, 4, 12, 0, tzinfo=UTC).timestamp()
"""A Monday noon: ahead of every real clock, so that identifiers that Valkey makes of its own never overtake ours."""
DIGITS = 6
"""Times are whole microseconds, so that sums of the same steps are the same time, from wherever they began."""


class _Instant(selectors.EpollSelector):
    """Instead of waiting for a timer it says that the time has come."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else: no timer is set, nothing is on its way")
        self.elapsed = round(self.elapsed + timeout, DIGITS)
        return super().select(0)


class _Timer(asyncio.TimerHandle):
    """Timers of one moment go off in the order in which they were set."""

    order = 0

    def __lt__(self, other: Any) -> bool:
        return (self.when(), self.order) < (other.when(), other.order)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Loopback and clock of one test. `asyncio`, `time` and `datetime` agree on it within `on_the_clock`."""

    def __init__(self) -> None:
        self._instant = _Instant()
        super().__init__(self._instant)
        self._scheduled: list[_Timer]
        self._orders = count()
        self.mishaps: list[dict[str, Any]] = []
        """Errors that nobody was there to take."""
        self._listening: dict[int, Factory] = {}
        self._dialled: dict[socket.socket, int] = {}

    def time(self) -> float:
        return self._instant.elapsed

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        timer = _Timer(round(when, DIGITS), callback, args, self, context)
        timer.order = next(self._orders)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined] # as the loop itself does it
        return timer

    def unix_time(self) -> float:
        return START + self._instant.elapsed

    @contextmanager
    def on_the_clock(self) -> Iterator[None]:
        """Let the whole process live by this loop's time."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", self.unix_time)
            patch.setattr(time, "monotonic", self.time)
            for module in [each for name, each in sys.modules.items() if name.startswith("callguard.")]:
                if getattr(module, "datetime", None) is datetime:
                    patch.setattr(module, "datetime", _Datetime)
            yield

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.mishaps.append(context)

    # --- loopback ---

    def listen(self, port: int, factory: Factory) -> Listener:
        """Take connections to a port; 0: any free one."""
        chosen = port or next(free for free in range(FIRST_PORT, 1 << 16) if free not in self._listening)
        self._listening[chosen] = factory
        return Listener(chosen, lambda: self._listening.pop(chosen, None))

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        return self.listen(port, protocol_factory)

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        self._dialled[sock] = address[1]

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, sock: Any = None, **_: Any
    ) -> Any:
        if sock is not None:
            port = self._dialled.pop(sock)
            sock.close()
        accept = self._listening.get(port)
        if accept is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens on port {port}")
        protocol = protocol_factory()
        return Line.connect(protocol, accept()), protocol


class _Datetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(time.time(), tz)
