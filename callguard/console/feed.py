"""Pushes the board to screens by Server-Sent Events: always the latest, never a queue."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Final

from callguard.bus.overview import Overview
from callguard.console.board import board

LEAST_INTERVAL_S: Final = 0.2
"""Least seconds between two boards for a screen: five a second."""
SIGNALS_INTERVAL_S: Final = 1.0
"""Least seconds between two boards if only signals changed: the interval of their measurement."""
KEEP_ALIVE_S: Final = 5.0
"""Seconds between signs of life. A screen that misses two of them says that the service can't be reached."""


class Feed:
    """The board as text, rendered again when something changed and a screen is open."""

    def __init__(self, overview: Overview) -> None:
        self._overview = overview
        self._version = 0
        self._text = ""
        self._text_version = -1
        self._changed = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._closed = False

    def change(self) -> None:
        """Push at once: an event changed the board."""
        self._version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def change_soon(self) -> None:
        """Push within a second: signals came. All signals until then share one push."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(SIGNALS_INTERVAL_S, self._now)

    def close(self) -> None:
        """End all screens' streams."""
        self._closed = True
        if self._soon:
            self._soon.cancel()
        self.change()

    def text(self) -> str:
        """Return the present board as JSON on one line."""
        if self._text_version != self._version:
            self._text = json.dumps(board(self._overview, time.time()), default=str, separators=(",", ":"))
            self._text_version = self._version
        return self._text

    async def follow(self) -> AsyncIterator[bytes]:
        """Yield chunks of an event stream: the present board, then each new one, else signs of life."""
        seen = -1
        while not self._closed:
            if seen == self._version and not await self._wait():
                yield b"event: alive\ndata: 1\n\n"
                continue
            seen = self._version
            yield f"event: board\ndata: {self.text()}\n\n".encode()
            await asyncio.sleep(LEAST_INTERVAL_S)

    async def _wait(self) -> bool:
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _now(self) -> None:
        self._soon = None
        self.change()
