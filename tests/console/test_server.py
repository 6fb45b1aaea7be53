"""The console's HTTP interface: open to read, closed to command, hard to abuse."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from callguard.authority import Asker
from callguard.console import feed, server
from callguard.contracts.events import NodeDegraded, NodeHearing, NodeRecovered, NodeStarted
from callguard.runtime.ports import PortError
from tests.support.console import TOKEN, RunningConsole, running_console
from tests.support.events import alert_fired, call_started, snapshot

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningConsole]:
    async with running_console(monkeypatch) as desk:
        yield desk


@pytest.fixture
async def http(desk: RunningConsole) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(desk.console.url) as session:
        yield session


async def boards(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


@pytest.mark.parametrize("path", ["/", "/static/board.js", "/static/card.js", "/static/board.css", "/api/board"])
async def test_everything_is_served_with_a_strict_policy(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as response:
        assert response.status == 200
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "http://" not in (text := await response.text()).replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text


async def test_health_and_readiness(desk: RunningConsole, http: aiohttp.ClientSession) -> None:
    async def ready() -> tuple[int, list[str]]:
        async with http.get("/readyz") as response:
            return response.status, (await response.json())["missing"]

    async with http.get("/healthz") as response:
        assert (await response.json())["status"] == "ok"
    assert await ready() == (503, [])
    desk.publish(NodeStarted(node="n1"))
    assert await ready() == (200, [])
    desk.publish(NodeDegraded(node="n1", reason="redis"), NodeDegraded(node="n1", reason="overload"))
    assert await ready() == (503, ["redis"])
    desk.publish(NodeRecovered(node="n1", reason="redis"))
    assert await ready() == (200, [])


@pytest.mark.parametrize("part", ["ari", "ari_refuses", "redis", "taps", "room"])
async def test_a_node_that_can_not_hear_calls_is_not_ready_and_says_why(
    desk: RunningConsole, http: aiohttp.ClientSession, part: str
) -> None:
    desk.publish(NodeStarted(node="n1"), NodeDegraded(node="n1", reason=f"{part}: for a reason"))
    desk.publish(NodeHearing(node="n1", heard=1, calls=3, causes={"no_tap": 2}))
    async with http.get("/readyz") as response:
        assert response.status == 503
        assert await response.json() == {
            "ready": False, "missing": [part], "hearing": {"heard": 1, "calls": 3, "causes": {"no_tap": 2}},
        }  # fmt: skip
    async with http.get("/healthz") as response:
        assert response.status == 200, "it lives; to restart it would not help"


@pytest.mark.parametrize("path", ["/runbooks/", "/runbooks/shouting", "/runbooks/shouting.md"])
async def test_runbooks_are_served_to_everybody(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as response:
        assert response.status == 200
        assert response.content_type == "text/html"
        assert "<h1>" in await response.text()


async def test_an_unknown_runbook_is_not_found(http: aiohttp.ClientSession) -> None:
    for path in ("/runbooks/none", "/runbooks/..%2fREADME"):
        async with http.get(path) as response:
            assert response.status == 404


async def test_a_taken_port_is_told_with_its_key(desk: RunningConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    port = desk.console.url.rpartition(":")[2]
    with pytest.raises(PortError, match=rf"console\.port: port {port} at 127\.0\.0\.1 is taken"):
        async with running_console(monkeypatch, port=int(port)):
            pass


async def test_metrics(desk: RunningConsole, http: aiohttp.ClientSession) -> None:
    desk.publish(call_started("c1"))
    async with http.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "callguard_calls 1.0" in await response.text()


async def test_a_board_is_pushed_at_once(desk: RunningConsole, http: aiohttp.ClientSession) -> None:
    async with http.get("/api/events") as response:
        pushed = boards(response)
        assert (await anext(pushed))["calls"] == []
        desk.publish(call_started("c1"), alert_fired("c1"))
        async with asyncio.timeout(1):
            board = await anext(pushed)
        assert board["calls"][0]["alerts"][0]["state"] == "fired"


async def test_signals_of_many_calls_make_one_push_a_second(desk: RunningConsole, http: aiohttp.ClientSession) -> None:
    desk.publish(*(call_started(f"c{number}") for number in range(200)))
    async with http.get("/api/events") as response:
        pushed = boards(response)
        await anext(pushed)
        for number in range(200):
            desk.show(snapshot(f"c{number}"))
        async with asyncio.timeout(3):
            board = await anext(pushed)
            assert board["calls"][0]["signals"]["raised_voice"] == 0.5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await anext(pushed)


async def test_screens_are_limited_in_all_and_by_source(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_console(monkeypatch, screens=3, screens_per_source=2) as desk, AsyncExitStack() as stack:

        async def screen(source: str) -> int:
            connector = aiohttp.TCPConnector(local_addr=(source, 0))
            http = await stack.enter_async_context(aiohttp.ClientSession(desk.console.url, connector=connector))
            return (await stack.enter_async_context(http.get("/api/events"))).status

        assert [await screen("127.0.0.1") for _ in range(3)] == [200, 200, 503]
        assert [await screen("127.0.0.2") for _ in range(2)] == [200, 503]


async def test_a_screen_that_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch, desk: RunningConsole) -> None:
    monkeypatch.setattr(server, "STALL_S", 0.2)
    monkeypatch.setattr(feed, "LEAST_INTERVAL_S", 0.001)  # the kernel alone buffers some megabytes
    host, port = desk.console.url.removeprefix("http://").split(":")
    desk.publish(*(call_started(f"c{number}") for number in range(2000)))
    with socket.socket() as screen:
        screen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        screen.connect((host, int(port)))
        screen.sendall(b"GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(20):
            while not desk.console._screens:
                await asyncio.sleep(0.01)
            while desk.console._screens:
                desk.publish(call_started("c1"))
                await asyncio.sleep(0.002)


async def test_a_command_that_does_not_come_in_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, http: aiohttp.ClientSession
) -> None:
    monkeypatch.setattr(server, "BODY_S", 0.1)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.5)

    async with http.post("/api/commands", data=slow(), headers=BEARER) as response:
        assert response.status == 408


async def test_a_screen_that_leaves_is_forgotten(desk: RunningConsole, http: aiohttp.ClientSession) -> None:
    async with http.get("/api/events") as response:
        await anext(boards(response))
        assert desk.console._screens.total() == 1
    async with asyncio.timeout(5):
        while desk.console._screens:
            desk.publish(call_started("c1"))
            await asyncio.sleep(0.05)


async def test_stopping_ends_open_screens(desk: RunningConsole, http: aiohttp.ClientSession) -> None:
    async with http.get("/api/events") as response:
        await anext(boards(response))
        async with asyncio.timeout(5):
            await desk.console.stop()


async def test_a_command_needs_the_token(desk: RunningConsole, http: aiohttp.ClientSession) -> None:
    body = {"action": "listen", "call": "c1", "supervisor": "Ann"}
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer é"}):
        async with http.post("/api/commands", json=body, headers=headers) as response:
            assert response.status == 401
    async with http.get("/api/session", headers={"Authorization": "Bearer wrong"}) as response:
        assert response.status == 401
    assert desk.commands == []


async def test_without_a_configured_token_the_console_is_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_console(monkeypatch, token=False) as desk, aiohttp.ClientSession(desk.console.url) as http:
        async with http.post("/api/commands", json={}, headers={"Authorization": "Bearer "}) as response:
            assert response.status == 403
            assert "read-only" in (await response.json())["reason"]
        async with http.get("/api/board") as response:
            assert response.status == 200


async def test_a_command_goes_to_the_handler_and_its_answer_comes_back(
    desk: RunningConsole, http: aiohttp.ClientSession
) -> None:
    body = {"id": "chosen by the sender", "action": "whisper", "call": "c1", "supervisor": "Ann"}
    async with http.post("/api/commands", json=body, headers=BEARER) as response:
        assert response.status == 200
        answer = await response.json()
    (command,) = desk.commands
    assert (command.action, command.call, command.supervisor) == ("whisper", "c1", "Ann")
    assert command.id == answer["command"] != "chosen by the sender"

    desk.refuse = "no such call"
    async with http.post("/api/commands", json=body, headers=BEARER) as response:
        assert response.status == 409
        assert (await response.json())["reason"] == "no such call"


async def test_the_token_stands_for_a_person_with_a_role_and_the_supervisors_they_may_act_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with (
        running_console(monkeypatch, role="qa", supervisors=["Bob"]) as desk,
        aiohttp.ClientSession(desk.console.url, headers=BEARER) as http,
    ):
        async with http.get("/api/session") as response:
            assert await response.json() == {"supervisors": ["Bob"], "rights": ["listen", "stop", "judge"]}
        body = {"action": "listen", "call": "c1", "supervisor": "Bob"}
        async with http.post("/api/commands", json=body) as response:
            assert response.status == 200
        assert desk.askers == [Asker("console", "console", "qa", (), ("Bob",))]
        desk.refuse = "forbidden"
        async with http.post("/api/commands", json=body) as response:
            assert (response.status, (await response.json())["reason"]) == (403, "forbidden")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"action":"shout"}', b'{"action":"listen"}', b"[" * 50_000])
async def test_a_malformed_command_is_refused(desk: RunningConsole, http: aiohttp.ClientSession, body: bytes) -> None:
    async with http.post("/api/commands", data=body, headers=BEARER) as response:
        assert response.status == 400
        assert (await response.json())["reason"]
    assert desk.commands == []


async def test_an_oversized_command_is_refused(desk: RunningConsole, http: aiohttp.ClientSession) -> None:
    async with http.post("/api/commands", data=b"x" * 100_000, headers=BEARER) as response:
        assert response.status == 413


async def test_nothing_outside_the_static_folder_is_served(http: aiohttp.ClientSession) -> None:
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static//etc/passwd"):
        async with http.get(path) as response:
            assert response.status in (403, 404)
