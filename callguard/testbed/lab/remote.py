"""The farm's remote control: an ARI client of the lab's own, so that the tests don't depend on the product's client."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp

from callguard.testbed.lab.instance import Instance

TIMEOUT = aiohttp.ClientTimeout(total=10)


class Remote:
    """REST and events of one Asterisk, as application `lab`. `on_event` is called with each arriving event."""

    APP = "lab"

    def __init__(self, instance: Instance, on_event: Callable[[dict[str, Any]], None] | None = None) -> None:
        self._instance = instance
        self._on_event = on_event
        self._events: asyncio.Task[None] | None = None
        self._http = aiohttp.ClientSession(headers=instance.admin.headers, timeout=TIMEOUT)

    async def open(self) -> None:
        """Connect the event socket, if events are wanted."""
        if self._on_event is None:
            return
        url = f"{self._instance.ari_url}/ari/events?app={self.APP}"
        socket = await self._http.ws_connect(url)
        self._events = asyncio.create_task(self._read(socket, self._on_event))

    async def close(self) -> None:
        """Close the HTTP session and the event socket."""
        if self._events:
            self._events.cancel()
            with suppress(asyncio.CancelledError):
                await self._events
        await self._http.close()

    async def ask(self, method: str, path: str, **parameters: str | float) -> Any:
        """Send one request to /ari/`path`; return its JSON, or None for an object that has ended or is ending.

        Raises aiohttp.ClientResponseError for every other refusal.
        """
        url = f"{self._instance.ari_url}/ari/{path}"
        async with self._http.request(method, url, params=parameters) as answer:
            if answer.status in (404, 409):
                return None
            answer.raise_for_status()
            return await answer.json() if answer.status == 200 else None

    @staticmethod
    async def _read(socket: aiohttp.ClientWebSocketResponse, on_event: Callable[[dict[str, Any]], None]) -> None:
        async for message in socket:
            on_event(message.json())
