"""A client gives up soon, never retries by itself and survives foreign bytes."""

import asyncio
import time

import pytest
import redis
from redis.asyncio import Redis

from callguard.bus import client
from callguard.bus.client import connect
from callguard.config import Redis as RedisConfig
from callguard.config import Secret
from callguard.testbed.valkey import free_port, start_valkey


async def test_text_that_is_no_utf8_is_read_with_replacement_characters(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as other:
        await other.set("foreign", b"caf\xe9")
    async with connect(RedisConfig(url=redis_url)) as ours:
        assert await ours.get("foreign") == "caf�"


async def test_a_server_that_is_away_is_told_at_once() -> None:
    async with connect(RedisConfig(url=f"redis://127.0.0.1:{free_port()}/0")) as ours:
        began = time.monotonic()
        with pytest.raises(redis.ConnectionError):
            await ours.ping()
        assert time.monotonic() - began < 1.0


async def test_a_server_that_does_not_answer_is_given_up_after_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT_S", 0.1)
    connections = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(RedisConfig(url=f"redis://127.0.0.1:{port}/0")) as ours:
            with pytest.raises(redis.TimeoutError):
                await ours.ping()
    assert len(connections) == 1


async def test_the_password_comes_from_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALKEY_PASSWORD", "hunter2")
    server = start_valkey()
    url = f"redis://127.0.0.1:{server.port}/0"
    try:
        async with connect(RedisConfig(url=url)) as ours:
            await ours.config_set("requirepass", "hunter2")
        async with connect(RedisConfig(url=url, password=Secret(env="VALKEY_PASSWORD"))) as ours:
            assert await ours.ping()
        async with connect(RedisConfig(url=url)) as ours:
            with pytest.raises(redis.AuthenticationError):
                await ours.ping()
    finally:
        server.stop()
