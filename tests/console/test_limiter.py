"""A crowd at the console takes neither its place nor the descriptors that calls need."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import pytest

from callguard.console import limiter
from callguard.console.limiter import SHARE
from tests.support.console import RunningConsole, running_console

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: console\r\n\r\n"


class Visitor:
    """One TCP connection to a console."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def asks(self, request: bytes = REQUEST) -> bool:
        """Send a request; return whether it is answered with 200."""
        self.writer.write(request)
        try:
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        if b"Content-Length" in head:
            await self.reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
        return head.startswith(b"HTTP/1.1 200")

    async def closed(self, within_s: float = 5.0) -> bool:
        """Return whether the console closes the connection in time."""
        with contextlib.suppress(ConnectionError):
            try:
                await asyncio.wait_for(self.reader.read(), within_s)
            except TimeoutError:
                return False
        return True


class Street:
    """Visitors of a console."""

    def __init__(self, desk: RunningConsole) -> None:
        self.desk = desk
        self.visitors: list[Visitor] = []

    async def visitor(self, source: str = "127.0.0.1") -> Visitor:
        host, _, port = self.desk.console.url.removeprefix("http://").rpartition(":")
        visitor = Visitor(*await asyncio.open_connection(host, int(port), local_addr=(source, 0)))
        self.visitors.append(visitor)
        return visitor

    async def screen(self, source: str = "127.0.0.1") -> Visitor:
        """Open a connection that is busy for as long as it is open."""
        visitor = await self.visitor(source)
        assert await visitor.asks(REQUEST.replace(b"/healthz", b"/api/events"))
        return visitor

    def leave(self) -> None:
        for visitor in self.visitors:
            visitor.writer.close()


@contextlib.asynccontextmanager
async def street(monkeypatch: pytest.MonkeyPatch, **limits: int) -> AsyncIterator[Street]:
    async with running_console(monkeypatch, **limits) as desk:
        made = Street(desk)
        yield made
        made.leave()


async def test_a_thousand_idle_connections_keep_nobody_out_and_take_few_descriptors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with street(monkeypatch, connections_per_source=16) as here, aiohttp.ClientSession() as http:
        screen = await here.screen()
        idle = [await here.visitor() for _ in range(1000)]
        async with http.get(f"{here.desk.console.url}/healthz") as response:
            assert response.status == 200
        assert all([await visitor.closed() for visitor in idle[:900]])
        assert sum([not await visitor.closed(0.001) for visitor in idle]) <= 16
        assert not await screen.closed(0.001)
        async with http.get(f"{here.desk.console.url}/metrics") as response:
            assert 'callguard_console_closed_total{why="crowded"} 98' in await response.text()


async def test_a_source_may_connect_so_often_and_others_still_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async with street(monkeypatch, connections_per_source=2) as here:
        first, second = await here.visitor(), await here.visitor()
        assert await first.asks()  # the second has been idle for longer now
        third = await here.visitor()
        assert await second.closed()
        assert await first.asks()
        assert await third.asks()
        assert await (await here.visitor("127.0.0.2")).asks()


async def test_where_all_are_busy_a_newcomer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with street(monkeypatch, connections_per_source=2) as here:
        screens = [await here.screen() for _ in range(2)]
        assert await (await here.visitor()).closed()
        assert not await screens[0].closed(0.05)


async def test_in_all_the_busiest_source_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    async with street(monkeypatch, connections=8) as here:
        quiet = await here.visitor("127.0.0.2")
        crowd = [await here.visitor("127.0.0.3") for _ in range(7)]
        assert await (await here.visitor("127.0.0.4")).asks()
        assert await crowd[0].closed()
        assert await quiet.asks()


@contextmanager
def file_limit(files: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_connections_never_take_more_than_their_share_of_what_may_be_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with file_limit(40 * SHARE):
        async with street(monkeypatch, connections_per_source=60) as here:
            idle = [await here.visitor() for _ in range(50)]
            assert all([await visitor.closed() for visitor in idle[:10]])
            assert await idle[-1].asks()


async def test_a_connection_that_asks_for_nothing_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "IDLE_S", 0.3)
    async with street(monkeypatch) as here:
        silent, slow, answered, screen = [await here.visitor() for _ in range(3)] + [await here.screen()]
        assert await answered.asks()
        for byte in REQUEST[:6]:
            slow.writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
        for visitor in (silent, slow, answered):
            assert await visitor.closed(1)
        assert not await screen.closed(0.3)


async def test_a_connection_that_goes_on_asking_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "IDLE_S", 0.3)
    async with street(monkeypatch) as here:
        visitor = await here.visitor()
        for _ in range(4):
            assert await visitor.asks()
            await asyncio.sleep(0.15)


async def test_a_refused_connection_is_gone_from_the_kernel_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with street(monkeypatch, connections_per_source=1) as here:
        await here.screen()
        host, _, port = here.desk.console.url.removeprefix("http://").rpartition(":")
        with socket.create_connection((host, int(port))) as late:
            late.settimeout(2)
            loop = asyncio.get_running_loop()
            with contextlib.suppress(ConnectionError):
                assert await loop.run_in_executor(None, late.recv, 1) == b""
