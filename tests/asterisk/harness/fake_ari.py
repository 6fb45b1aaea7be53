"""A small ARI that records every request and answers as told; for what a healthy Asterisk won't do on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from callguard.asterisk.native_rtp import MODULE
from callguard.config import Ari, Secret

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeAri:
    """`requests` holds (method, path without /ari, query) of all REST calls."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.authorizations: set[str] = set()
        self.answers: dict[tuple[str, str], Answer] = {}
        self.sockets: list[web.WebSocketResponse] = []
        self.connections = 0
        self.refuse_sockets = 0
        """How many times more the event socket answers `refusal`: 503 as a booting Asterisk does."""
        self.refusal = 503
        self.port = 0
        self.after: Callable[[web.Request], None] = lambda request: None
        """What follows a request that succeeded."""
        self.stuck: set[str] = set()
        """Channels whose deletion or continuation is accepted but never happens."""
        self.playback_state = "done"
        self.answer("GET", f"/asterisk/modules/{MODULE}", {"message": "Module could not be found"}, 404)

    def answer(self, method: str, path: str, body: Any = None, status: int = 200) -> None:
        """Answer a request so from now on."""

        async def reply(_: web.Request) -> web.StreamResponse:
            return web.json_response(body, status=status) if body is not None else web.Response(status=status)

        self.answers[method, path] = reply

    def config(self, **more: Any) -> Ari:
        return Ari(url=f"http://127.0.0.1:{self.port}", password=Secret(env="FAKE_ARI_PASSWORD"), **more)

    async def tell(self, **event: Any) -> None:
        """Send an event on the newest socket."""
        await self.sockets[-1].send_str(json.dumps(event))

    async def cut(self) -> None:
        for socket in self.sockets:
            await socket.close()
        self.sockets.clear()

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/ari")
        self.requests.append((request.method, path, dict(request.query)))
        self.authorizations.add(request.headers.get("Authorization", ""))
        reply = self.answers.get((request.method, path))
        answer = await reply(request) if reply else web.Response(status=204)
        if answer.status < 400:
            self.after(request)
        return answer

    def calls(self) -> list[str]:
        """Methods and paths of all requests, as one line each."""
        return [f"{method} {path}" for method, path, _ in self.requests]

    async def _events(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        if self.refuse_sockets:
            self.refuse_sockets -= 1
            return web.Response(status=self.refusal)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
        return socket


@asynccontextmanager
async def fake_ari() -> AsyncIterator[FakeAri]:
    fake = FakeAri()
    app = web.Application()
    app.router.add_get("/ari/events", fake._events)
    app.router.add_route("*", "/ari/{rest:.*}", fake._rest)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.port = runner.addresses[0][1]
    try:
        yield fake
    finally:
        await fake.cut()
        await asyncio.wait_for(runner.cleanup(), 5)
