"""Another program that listens where Asterisk, Redis or the console is expected is never called ok."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from callguard.config import Ami, Config, Secret
from callguard.doctor.checks import check_ami, check_asterisk, check_console, check_redis
from callguard.doctor.findings import Finding
from callguard.doctor.foreign import is_console

HTML = "<!doctype html><title>router</title>"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLGUARD_ARI_PASSWORD", "x")
    monkeypatch.setenv("TEST_AMI", "x")


@asynccontextmanager
async def web_server(answer: Callable[[], web.Response]) -> AsyncIterator[int]:
    """A web server that gives every request the same answer."""

    async def handle(_: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@asynccontextmanager
async def tcp_server(greeting: bytes, after: bytes = b"") -> AsyncIterator[int]:
    """A server that speaks first, and says one thing more at the first line that it gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        if await reader.readline():
            writer.write(after)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    assert finding.level == "error"
    assert finding.advice
    return finding


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(text=HTML, content_type="text/html"),
        lambda: web.Response(text=HTML, content_type="text/html", status=404),
        lambda: web.json_response({}),
        lambda: web.json_response([]),
        lambda: web.json_response({"system": "up"}),
        lambda: web.json_response({"system": {"version": ""}}),
    ],
)
async def test_a_web_server_that_is_not_asterisk(answer: Callable[[], web.Response]) -> None:
    async with web_server(answer) as port:
        url = f"http://127.0.0.1:{port}"
        finding = only(await check_asterisk(Config.model_validate({"asterisk": {"ari": {"url": url}}})))
    assert finding.text.startswith(f"a server answers at {url}, but not as Asterisk's ARI does: ")
    assert "http.conf" in finding.advice


async def test_an_asterisk_that_fails_is_still_asterisk() -> None:
    async with web_server(lambda: web.Response(status=503)) as port:
        url = f"http://127.0.0.1:{port}"
        finding = only(await check_asterisk(Config.model_validate({"asterisk": {"ari": {"url": url}}})))
    assert "503" in finding.text


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"220 mail ESMTP\r\n", b"\x1b[2Jboo\n", b""])
async def test_a_server_that_greets_otherwise_is_no_manager(greeting: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callguard.doctor.checks.GREETING_S", 0.2)
    async with tcp_server(greeting) as port:
        finding = only(await check_ami(Ami(port=port, secret=Secret(env="TEST_AMI"))))
    assert f"a server answers at 127.0.0.1:{port}, but not as Asterisk's manager interface does" in finding.text
    assert "\x1b" not in finding.text


@pytest.mark.parametrize(
    ("greeting", "after"),
    [
        (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        (b"220 mail ESMTP\r\n", b""),
        (b"", b"ERROR\r\n"),
    ],
)
async def test_a_server_that_speaks_otherwise_is_no_redis(greeting: bytes, after: bytes) -> None:
    async with tcp_server(greeting, after) as port:
        url = f"redis://127.0.0.1:{port}/0"
        finding = only(await check_redis(Config.model_validate({"redis": {"url": url}})))
    assert finding.text == f"a server answers at {url}, but not as Redis or Valkey does"


@pytest.mark.parametrize(
    "answer", [lambda: web.Response(text=HTML), lambda: web.Response(status=404), lambda: web.json_response({"ok": 1})]
)
async def test_a_program_at_the_consoles_port_is_told(answer: Callable[[], web.Response]) -> None:
    async with web_server(answer) as port:
        finding = only(await check_console(Config.model_validate({"console": {"port": port}})))
    assert "another program answers" in finding.text
    assert "console.port" in finding.advice


async def test_a_console_and_no_console_are_both_well() -> None:
    async with web_server(lambda: web.json_response({"status": "ok", "version": "1"})) as port:
        (running,) = await check_console(Config.model_validate({"console": {"port": port}}))
    (absent,) = await check_console(Config.model_validate({"console": {"port": port}}))
    assert (running.level, absent.level) == ("ok", "ok")
    assert ("is running" in running.text, "is not running" in absent.text) == (True, True)


@pytest.mark.parametrize(
    ("status", "answer"), [(503, {"status": "ok", "version": "1"}), (200, []), (200, {"status": 1})]
)
def test_another_answer_is_no_console(status: int, answer: Any) -> None:
    assert not is_console(status, answer)
