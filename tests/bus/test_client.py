"""A client gives up soon, never retries by itself and survives foreign bytes."""

import asyncio
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
import redis
from redis.asyncio import Redis

from callguard.bus import client
from callguard.bus.client import connect
from callguard.config import Redis as RedisConfig
from callguard.config import Secret
from callguard.testbed.proxy import Proxy
from callguard.testbed.valkey import free_port, start_valkey
from tests.support.servers import servers


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


class Scripted:
    """A server that answers every request with one line, and counts its connections."""

    def __init__(self, answer: str) -> None:
        self._answer = f"{answer}\r\n".encode()
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while request := await reader.read(4096):
            for name in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", request):
                writer.write(GREETINGS.get(name, self._answer))
        writer.close()


GREETINGS = {b"HELLO": b"%1\r\n$5\r\nproto\r\n:3\r\n", b"CLIENT": b"+OK\r\n"}


@pytest.mark.parametrize(
    ("answer", "leaves"),
    [
        ("-READONLY You can't write against a read only replica.", True),
        ("-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", True),
        ("-LOADING Redis is loading the dataset in memory", True),
        ("-NOAUTH Authentication required.", True),
        ("-NOPERM this user has no permissions", True),
        ("-CLUSTERDOWN The cluster is down", True),
        ("-MOVED 3999 127.0.0.1:6381", True),
        ("-ASK 3999 127.0.0.1:6381", True),
        ("-TRYAGAIN Multiple keys request during rehashing of slot", True),
        ("-BUSY Redis is busy running a script.", True),
        ("-OOM command not allowed when used memory > 'maxmemory'.", True),
        ("-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", True),
        ("-NOREPLICAS Not enough good replicas to write.", True),
        ("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", True),
        ("-ERR max number of clients reached", True),
        ("-BUSYGROUP Consumer Group name already exists", False),
        ("-NOGROUP No such key 'a' or consumer group 'b'", False),
        ("-WRONGTYPE Operation against a key holding the wrong kind of value", False),
        ("+PONG", False),
    ],
)
async def test_after_an_answer_of_a_server_that_is_of_no_use_the_next_request_connects_anew(
    answer: str, leaves: bool
) -> None:
    """The address may lead to another server by then."""
    scripted = Scripted(answer)
    async with await asyncio.start_server(scripted, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(RedisConfig(url=f"redis://127.0.0.1:{port}/0")) as ours:
            for _ in range(2):
                with suppress(redis.RedisError):
                    await ours.execute_command("PING")
    assert scripted.connections == (2 if leaves else 1)


async def test_a_server_that_answers_keeps_its_connection(tmp_path: Path) -> None:
    with servers(tmp_path) as started:
        server = started.start()
        async with connect(RedisConfig(url=f"redis://127.0.0.1:{server.port}/0")) as ours:
            before = server.client.info("stats")["total_connections_received"]
            for _ in range(5):
                await ours.ping()
            assert server.client.info("stats")["total_connections_received"] == before + 1


async def test_a_transaction_on_a_server_that_became_a_replica_leaves_it(tmp_path: Path) -> None:
    with servers(tmp_path) as started:
        old, new = started.start(), started.start()
        async with Proxy(old.port) as address, connect(RedisConfig(url=f"redis://127.0.0.1:{address.port}/0")) as ours:

            async def write() -> None:
                async with ours.pipeline(transaction=True) as pipe:
                    pipe.xadd("stream", {"a": "b"})
                    pipe.publish("wake", "")
                    await pipe.execute()

            await write()
            old.client.replicaof("127.0.0.1", new.port)
            address.move(new.port)
            with pytest.raises(redis.RedisError):
                await write()
            await write()
            assert new.client.xlen("stream") == 1


async def test_a_password_that_was_changed_is_read_for_the_next_connection(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    with servers(tmp_path / "servers") as started:
        server = started.start()
        server.client.config_set("requirepass", "old")
        config = RedisConfig(url=f"redis://default@127.0.0.1:{server.port}/0", password=Secret(file=file))
        async with connect(config) as ours:
            assert await ours.ping()
            server.client.config_set("requirepass", "new")
            file.write_text("new\n")
            server.client.client_kill_filter(_type="normal", skipme=True)
            with pytest.raises(redis.RedisError):
                await ours.ping()
            assert await ours.ping()
            file.unlink()
            server.client.client_kill_filter(_type="normal", skipme=True)
            for _ in range(2):
                with pytest.raises(redis.RedisError):
                    await ours.ping()


async def test_a_sentinel_that_is_away_or_does_not_know_the_service_is_an_error_of_redis(tmp_path: Path) -> None:
    with servers(tmp_path) as started:
        _, _, sentinel = started.watched("calls")
        for hosts, service in ((f"127.0.0.1:{free_port()}", "calls"), (f"127.0.0.1:{sentinel.port}", "other")):
            async with connect(RedisConfig(url=f"redis+sentinel://{hosts}/{service}")) as ours:
                with pytest.raises(redis.ConnectionError, match=r"other|calls"):
                    await ours.ping()
        both = f"127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}"
        async with connect(RedisConfig(url=f"redis+sentinel://{both}/calls/2")) as ours:
            assert await ours.ping(), "the first sentinel that answers counts"
            assert (await ours.client_info())["db"] == 2
