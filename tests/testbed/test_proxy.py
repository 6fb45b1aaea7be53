"""The relay relays, and its weather is what the name says."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from callguard.testbed.proxy import Proxy


async def answer(request: web.Request) -> web.Response:
    return web.Response(text=f"{request.method} {request.query_string} {await request.text()}")


async def echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    app = web.Application()
    app.router.add_route("*", "/", answer)
    app.router.add_get("/ws", echo)
    async with TestServer(app, host="127.0.0.1") as server:
        assert server.port
        async with Proxy(server.port) as relay:
            yield relay


@pytest_asyncio.fixture
async def http(proxy: Proxy) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{proxy.port}") as session:
        yield session


async def test_it_relays_both_ways(http: aiohttp.ClientSession) -> None:
    async with http.post("/?a=1", data="x" * 200_000) as response:
        assert await response.text() == f"POST a=1 {'x' * 200_000}"


async def test_a_cut_breaks_what_is_open_and_refuses_what_is_new_until_it_is_mended(
    proxy: Proxy, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect("/ws") as socket:
        proxy.cut()
        assert (await socket.receive(timeout=2)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    with pytest.raises(aiohttp.ClientError):
        await http.get("/")
    proxy.mend()
    async with http.get("/") as response:
        assert response.status == 200


async def test_requests_are_refused_while_an_open_socket_talks_on(proxy: Proxy, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect("/ws") as socket:
        proxy.refuse(500)
        for _ in range(3):
            async with http.get("/") as response:
                assert response.status == 500
        await socket.send_str("on")
        assert await socket.receive_str(timeout=2) == "on"
        proxy.mend()
        async with http.get("/") as response:
            assert response.status == 200


async def test_requests_come_late_and_sockets_do_not(proxy: Proxy, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect("/ws") as socket:
        proxy.slow(0.3)
        asked = asyncio.create_task(http.get("/"))
        began = time.monotonic()
        await socket.send_str("on")
        assert await socket.receive_str(timeout=2) == "on"
        assert time.monotonic() - began < 0.25
        (await asked).release()
        assert time.monotonic() - began >= 0.25


async def test_where_nobody_listens_behind_it_the_client_is_told_at_once() -> None:
    async with TestServer(web.Application(), host="127.0.0.1") as server:
        gone = server.port
    assert gone
    async with Proxy(gone) as relay, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{relay.port}/")
