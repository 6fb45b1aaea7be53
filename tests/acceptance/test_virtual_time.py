"""The clock, network and Valkey of acceptance: no time passes but the script's, and all of it passes at once."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import redis
import redis.asyncio

from callguard.contracts.events import NodeStarted, envelope
from tests.acceptance.harness.floor import VALKEY_PORT, Floor
from tests.acceptance.harness.hook import receiving
from tests.acceptance.harness.loop import START, VirtualLoop
from tests.acceptance.harness.script import loud, script
from tests.acceptance.harness.valkey import Valkey


def loop() -> VirtualLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    return running


async def test_an_hour_passes_at_once_for_every_clock() -> None:
    began = time.perf_counter()
    with loop().on_the_clock():
        await asyncio.sleep(3600)
        assert (time.time(), time.monotonic()) == (START + 3600, 3600)
        assert envelope(NodeStarted(node="n"), "n").time == datetime.fromtimestamp(START + 3600, UTC)
    assert time.perf_counter() - began < 5


def test_who_waits_for_nothing_is_told_so_and_does_not_hang() -> None:
    stuck = VirtualLoop()
    with pytest.raises(RuntimeError, match="everybody waits"):
        stuck.run_until_complete(stuck.create_future())
    stuck.close()


async def test_requests_take_no_time_and_a_port_without_a_server_refuses() -> None:
    async with aiohttp.ClientSession() as session, receiving(503) as (hook, url):
        for status in (503, 204):
            async with session.post(url, json={"n": "x" * 200_000}) as answer:
                assert answer.status == status
        assert len(hook.taken) == 2
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get("http://127.0.0.1:9/")
    assert loop().time() == 0


async def test_valkey_answers_at_once_and_blocks_by_the_scripts_clock(redis_url: str) -> None:
    loop().listen(VALKEY_PORT, Valkey(redis_url))
    with loop().on_the_clock():
        async with redis.asyncio.Redis(port=VALKEY_PORT) as reader, redis.asyncio.Redis(port=VALKEY_PORT) as writer:
            assert await reader.xread({"s": "0"}, block=2000) in ([], {})
            assert loop().time() == 2
            read = asyncio.ensure_future(reader.xread({"s": "0"}, block=4000))
            await asyncio.sleep(1)
            entry = await writer.xadd("s", {"a": "b"})
            assert await read
            assert loop().time() == 3
            assert entry == b"%d-0" % ((START + 3) * 1000)
            assert await writer.time() == (START + 3, 0)


async def test_the_same_script_tells_the_same_story_however_busy_the_machine(tmp_path: Path, redis_url: str) -> None:
    async def story(name: str) -> list[tuple[float, str]]:
        with redis.Redis.from_url(redis_url) as client:
            client.flushdb()
        (tmp_path / name).mkdir()  # each floor has a journal of its own
        async with Floor(tmp_path / name, redis_url, [loud("ring_whisper")], **script()) as floor:
            await floor.at(4)
            return floor.story("")

    with loop().on_the_clock():
        told = await story("quiet")
        with busy():
            assert await story("busy") == told


@contextmanager
def busy() -> Iterator[None]:
    """Let another thread fight for the interpreter."""
    over = threading.Event()
    thread = threading.Thread(target=_burn, args=(over,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _burn(over: threading.Event) -> None:
    while not over.is_set():
        sum(range(10_000))
