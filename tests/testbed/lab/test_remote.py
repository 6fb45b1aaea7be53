"""The farm's remote control asks, and takes what is gone for nothing; events come as they happen."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from callguard.testbed.lab.instance import Instance
from callguard.testbed.lab.ports import Ports
from callguard.testbed.lab.remote import Remote
from tests.testbed.lab.fake import installation


class Pbx:
    """An HTTP server in an Asterisk's place."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.status = 200
        self.sockets: list[web.WebSocketResponse] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path, dict(request.query)))
        return web.json_response({"id": "x"}, status=self.status) if self.status != 204 else web.Response(status=204)

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_json({"type": "Hello", "app": request.query["app"]})
        async for _ in socket:
            pass
        return socket


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Pbx, Instance]]:
    pbx, instance = Pbx(), Instance("farm", installation(tmp_path), tmp_path / "farm", Ports.free(), {})
    app = web.Application()
    app.add_routes([web.get("/ari/events", pbx.events), web.route("*", "/ari/{path:.*}", pbx.answer)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", instance.ports.http).start()
    yield pbx, instance
    await runner.cleanup()


async def test_a_request_has_parameters_and_an_answer(served: tuple[Pbx, Instance]) -> None:
    pbx, instance = served
    remote = Remote(instance)
    assert await remote.ask("POST", "channels/1/play", media="sound:a", skip=0.5) == {"id": "x"}
    assert pbx.asked == [("POST", "/ari/channels/1/play", {"media": "sound:a", "skip": "0.5"})]
    await remote.close()


@pytest.mark.parametrize("status", [204, 404, 409])
async def test_what_is_gone_or_done_is_nothing(served: tuple[Pbx, Instance], status: int) -> None:
    pbx, instance = served
    pbx.status = status
    remote = Remote(instance)
    assert await remote.ask("DELETE", "channels/1") is None
    await remote.close()


@pytest.mark.parametrize("status", [400, 401, 500])
async def test_another_refusal_is_an_error(served: tuple[Pbx, Instance], status: int) -> None:
    pbx, instance = served
    pbx.status = status
    remote = Remote(instance)
    with pytest.raises(aiohttp.ClientResponseError):
        await remote.ask("GET", "channels")
    await remote.close()


async def test_events_come_until_it_is_closed(served: tuple[Pbx, Instance]) -> None:
    pbx, instance = served
    seen: list[dict[str, Any]] = []
    remote = Remote(instance, seen.append)
    await remote.open()
    for _ in range(200):
        if seen:
            break
        await asyncio.sleep(0.01)
    assert seen == [{"type": "Hello", "app": "lab"}]
    await remote.close()
    for _ in range(200):
        if pbx.sockets[0].closed:
            break
        await asyncio.sleep(0.01)
    assert pbx.sockets[0].closed


async def test_who_wants_no_events_opens_no_socket(served: tuple[Pbx, Instance]) -> None:
    pbx, instance = served
    remote = Remote(instance)
    await remote.open()
    assert pbx.sockets == []
    await remote.close()
