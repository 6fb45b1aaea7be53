"""Every session ends by itself and in time, and strangers and crowds get none."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callguard.agi import server
from callguard.agi.dialogue import Dialogue
from callguard.agi.server import AgiServer
from callguard.config.agi import Agi
from tests.integration.harness.service import until
from tests.support.agi import Pbx, head_of


class Scripts:
    """One script, `caller`, that does what a test wants."""

    names = ("caller",)

    def __init__(self, work: Callable[[Dialogue], Awaitable[str]]) -> None:
        self._work = work

    async def run(self, dialogue: Dialogue) -> str:
        return await self._work(dialogue)


async def answer(dialogue: Dialogue) -> str:
    await dialogue.set("CALLGUARD_PRIORITY", "1")
    return "done"


async def never(_: Dialogue) -> str:
    await asyncio.sleep(60)
    return "done"


async def broken(_: Dialogue) -> str:
    raise RuntimeError("a fault of ours")


class Running:
    def __init__(self, work: Callable[[Dialogue], Awaitable[str]], **settings: Any) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        config = Agi(**({"enabled": True, "listen": "127.0.0.1:0"} | settings))
        self.server = AgiServer(config, Scripts(work), lambda *words: self.counts.update([words]))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """No session is late because the machine is busy."""
    monkeypatch.setattr(server, "SESSION_S", 60.0)


@asynccontextmanager
async def running(work: Callable[[Dialogue], Awaitable[str]] = answer, **settings: Any) -> AsyncIterator[Running]:
    made = Running(work, **settings)
    await made.server.start()
    try:
        yield made
    finally:
        await made.server.stop()


async def closed(reader: asyncio.StreamReader) -> None:
    """Wait until the other side closes."""
    try:
        await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return


async def test_a_session_is_answered_and_counted() -> None:
    async with running() as here:
        assert await Pbx().run(here.server.port, "caller") == {"CALLGUARD_PRIORITY": "1"}
    assert here.counts == {("caller", "done"): 1}


async def test_an_answer_that_is_not_known_is_counted_as_such_and_unknown_scripts_share_a_label() -> None:
    async def unknown(_: Dialogue) -> str:
        return "no such call"

    async with running(unknown) as here:
        await Pbx().run(here.server.port, "caller")
        await Pbx().run(here.server.port, "x" * 100)
    assert here.counts == {("caller", "not_known"): 1, ("other", "not_known"): 1}


async def test_a_script_that_hangs_does_not_hold_the_call_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SESSION_S", 0.05)
    async with running(never) as here:
        begun = time.monotonic()
        assert await Pbx().run(here.server.port, "caller") == {}
        assert time.monotonic() - begun < 30
    assert here.counts == {("caller", "late"): 1}


async def test_a_client_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SESSION_S", 0.05)
    async with running() as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.server.port)
        await closed(reader)
        writer.close()
    assert here.counts == {("other", "late"): 1}


async def test_a_script_that_breaks_closes_its_session_and_harms_no_other() -> None:
    async with running(broken) as here:
        assert await Pbx().run(here.server.port, "caller") == {}
        assert await Pbx().run(here.server.port, "caller") == {}
    assert here.counts == {("caller", "broken"): 2}


async def test_more_than_the_allowed_sessions_are_closed_at_once() -> None:
    async with running(connections=2) as here:
        waiting = [await asyncio.open_connection("127.0.0.1", here.server.port) for _ in range(2)]
        await until(lambda: here.server.sessions == 2)
        assert await Pbx().run(here.server.port, "caller") == {}
        assert here.counts == {("other", "crowded"): 1}
        waiting[0][1].write(head_of("caller"))
        assert (await asyncio.wait_for(waiting[0][0].readline(), 5)).startswith(b"SET VARIABLE")
        for _, writer in waiting:
            writer.close()


async def test_only_the_named_sources_are_answered() -> None:
    async with running(sources=("192.0.2.0/24",)) as here:
        assert await Pbx().run(here.server.port, "caller") == {}
    assert here.counts == {("other", "stranger"): 1}


async def test_a_taken_address_names_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        made = Running(answer, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(OSError, match=r"agi\.listen .* choose another address or port"):
            await made.server.start()


async def test_a_stop_ends_present_sessions_at_once() -> None:
    async with running(never) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.server.port)
        writer.write(head_of("caller"))
        await until(lambda: here.server.sessions == 1)
        await asyncio.wait_for(here.server.stop(), 10)
        await closed(reader)
        writer.close()
        assert here.server.port == 0
