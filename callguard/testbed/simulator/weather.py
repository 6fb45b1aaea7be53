"""Weather: faults on demand between a program and its PBX."""

import asyncio
import fnmatch
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

FOR_EVER_S: Final = 3600.0
"""Seconds for which a request hangs that is never answered."""


@dataclass
class Fault:
    """A fault of matching REST requests: they wait, then fail with `status` if one is given, or never end."""

    path: str = "*"
    """Shell-style pattern for method and path, such as `POST /ari/channels/*/snoop`; `*` for all."""
    delay_s: float = 0.0
    status: int | None = None
    hang: bool = False
    times: int | None = None
    """Number of requests that the fault affects; None: until cleared."""

    def meets(self, request: web.Request) -> bool:
        """Return whether the fault applies to a request now."""
        return self.times != 0 and fnmatch.fnmatchcase(f"{request.method} {request.path}", self.path)


@dataclass
class Weather:
    """The faults in force, and the number of requests that each kind has affected."""

    faults: list[Fault] = field(default_factory=list)
    sockets_refused: bool = False
    """Whether new event sockets are answered by 503."""
    met: int = 0

    def clear(self) -> None:
        """Remove all faults."""
        self.faults.clear()
        self.sockets_refused = False

    async def strike(self, request: web.Request) -> web.Response | None:
        """Apply the first matching fault to a request; return an answer that replaces the real one, or None."""
        if request.path == "/ari/events":
            return web.json_response({"message": "Service unavailable"}, status=503) if self.sockets_refused else None
        fault = next((fault for fault in self.faults if fault.meets(request)), None)
        if fault is None:
            return None
        self.met += 1
        if fault.times is not None:
            fault.times -= 1
        await request.read()  # the request is still carried out where its client has stopped waiting
        await asyncio.sleep(FOR_EVER_S if fault.hang else fault.delay_s)
        return web.json_response({"message": "Simulated failure"}, status=fault.status) if fault.status else None
