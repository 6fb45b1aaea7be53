"""Limits the console's connections: in number, for each source and in all, and in the time that they may be idle.

The console shares the process's file descriptors with the connections to the PBX and must never use them up. At the
limit, the connection that has been idle for longest is closed and the new one stays. If none is idle, the new one is
refused.
"""

import asyncio
import resource
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from callguard.config import Console

IDLE_S: Final = 15.0
"""Seconds that a connection may take until its request is complete, and from an answer to the next request."""
SHARE: Final = 4
"""The console's connections take at most one in so many of the files that this process may open."""
BACKLOG: Final = 16
"""Connections that asyncio accepts in one go, before the limiter checks any of them."""


@dataclass(eq=False)
class Visit:
    """One connection.

    Attributes:
        source: address of the client.
        requests: number of its requests that are being answered.
    """

    transport: asyncio.Transport
    source: str
    expiry: asyncio.TimerHandle
    requests: int = 0


class Limiter:
    """Admits connections.

    Args:
        config: of the console.
        count: called with the reason of each close: `crowded` (too many at once), `idle` (no request in time).
    """

    def __init__(self, config: Console, count: Callable[[str], None]) -> None:
        self._count = count
        self._config = config
        self._most = max(1, min(config.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // SHARE))
        self._visits: dict[asyncio.BaseTransport, Visit] = {}
        """Ordered by idle time, longest first."""

    async def open(self, runner: web.AppRunner) -> asyncio.Server:
        """Listen, and serve each connection by a runner that is set up. Raises OSError."""
        serve, config = cast("web.Server", runner.server), self._config
        return await asyncio.get_running_loop().create_server(
            lambda: _Threshold(self, serve()), config.listen, config.port, backlog=BACKLOG
        )

    def __len__(self) -> int:
        return len(self._visits)

    def enter(self, transport: asyncio.Transport) -> bool:
        """Admit a connection; return whether it may stay."""
        peer = transport.get_extra_info("peername")
        source = str(peer[0]) if peer else ""
        mine = [visit for visit in self._visits.values() if visit.source == source]
        if len(mine) >= self._config.connections_per_source:
            fits = self._make_room(mine)
        else:
            fits = len(self._visits) < self._most or self._make_room(self._busiest())
        if fits:
            self._visits[transport] = Visit(transport, source, self._expire_later(transport))
        else:
            self._count("crowded")
        return fits

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection that is closed."""
        visit = self._visits.pop(transport, None)
        if visit is not None:
            visit.expiry.cancel()

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Mark a connection as busy while one of its requests is being answered."""
        visit = self._visits.get(request.transport) if request.transport else None
        if visit is None:
            return await handler(request)
        visit.expiry.cancel()
        visit.requests += 1
        try:
            return await handler(request)
        finally:
            visit.requests -= 1
            if not visit.requests and visit.transport in self._visits:
                self._visits[visit.transport] = self._visits.pop(visit.transport)
                visit.expiry = self._expire_later(visit.transport)

    def _busiest(self) -> list[Visit]:
        """Return the visits of the source with the most connections."""
        counts = Counter(visit.source for visit in self._visits.values())
        busiest = max(counts, key=counts.__getitem__)
        return [visit for visit in self._visits.values() if visit.source == busiest]

    def _make_room(self, visits: list[Visit]) -> bool:
        """Close the visit that has been idle for longest; return False where none is idle."""
        idle = next((visit for visit in visits if not visit.requests), None)
        if idle is None:
            return False
        self._close(idle.transport, "crowded")
        return True

    def _expire_later(self, transport: asyncio.Transport) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(IDLE_S, self._close, transport, "idle")

    def _close(self, transport: asyncio.Transport, why: str) -> None:
        self._count(why)
        self.leave(transport)
        transport.abort()


class _Threshold(asyncio.Protocol):
    """Wraps the HTTP protocol of one connection; passes everything on once the limiter has admitted it."""

    def __init__(self, limiter: Limiter, http: asyncio.Protocol) -> None:
        self._limiter = limiter
        self._http = http
        self._inside = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)
        self._inside = self._limiter.enter(stream)
        if self._inside:
            self._http.connection_made(stream)
            self._transport = stream
        else:
            stream.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self._inside:
            self._limiter.leave(self._transport)
            self._http.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._inside:
            self._http.data_received(data)

    def eof_received(self) -> bool | None:
        return self._http.eof_received() if self._inside else None

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()
