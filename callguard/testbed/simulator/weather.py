"""Weather: what goes wrong between a program and its PBX, on demand."""

import asyncio
import fnmatch
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

FOR_EVER_S: Final = 3600.0
"""How long a request hangs that is never answered."""


@dataclass
class Fault:
    """What happens to matching REST requests: they wait, then fail with `status` if one is given, or never end."""

    path: str = "*"
    """Shell-style pattern for method and path, such as `POST /ari/channels/*/snoop`; `*` for all."""
    delay_s: float = 0.0
    status: int | None = None
    hang: bool = False
    times: int | None = None
    """How many requests it meets; None: until cleared."""

    def meets(self, request: web.Request) -> bool:
        """Whether it applies to a request now."""
        return self.times != 0 and fnmatch.fnmatchcase(f"{request.method} {request.path}", self.path)


@dataclass
class Weather:
    """The faults in force, and how many requests each kind of weather has met."""

    faults: list[Fault] = field(default_factory=list)
    sockets_refused: bool = False
    """Whether new event sockets get 503."""
    met: int = 0

    def clear(self) -> None:
        """Fair weather again."""
        self.faults.clear()
        self.sockets_refused = False

    async def strike(self, request: web.Request) -> web.Response | None:
        """Let the first fault that meets a request act on it; return an answer that replaces the real one."""
        if request.path == "/ari/events":
            return web.json_response({"message": "Service unavailable"}, status=503) if self.sockets_refused else None
        fault = next((fault for fault in self.faults if fault.meets(request)), None)
        if fault is None:
            return None
        self.met += 1
        if fault.times is not None:
            fault.times -= 1
        await request.read()  # who gives up waiting has asked all the same: what was late is still done
        await asyncio.sleep(FOR_EVER_S if fault.hang else fault.delay_s)
        return web.json_response({"message": "Simulated failure"}, status=fault.status) if fault.status else None
