"""A webhook's receiver that answers as it is told to."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


class Hook:
    """Answers with `statuses` one after the other, then 204.

    Attributes:
        taken: Unix time and body of each request, whatever it was answered.
    """

    def __init__(self, *statuses: int) -> None:
        self.taken: list[tuple[float, dict[str, Any]]] = []
        self._statuses = list(statuses)

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((time.time(), json.loads(await request.read())))
        return web.Response(status=self._statuses.pop(0) if self._statuses else 204)


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[tuple[Hook, str]]:
    """A receiver and its URL."""
    hook, application = Hook(*statuses), web.Application()
    application.router.add_post("/hook", hook.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield hook, f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await runner.cleanup()
