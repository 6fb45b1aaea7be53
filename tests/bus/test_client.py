"""A client gives up soon, never retries by itself, survives foreign bytes, and leaves a server that is of no use.

Events and commands go on within five seconds when the server behind `redis.url` is another one.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from callguard.bus import client
from callguard.bus.ask import ask
from callguard.bus.client import connect
from callguard.bus.consumer import CommandConsumer
from callguard.bus.keys import Keys
from callguard.config import Redis as RedisConfig
from callguard.config import Secret
from callguard.contracts.commands import Command
from callguard.testbed.proxy import Proxy
from callguard.testbed.valkey import free_port, start_valkey
from tests.support.bus import WiredBus
from tests.support.commands import Permitting, open_gate
from tests.support.events import alert_fired
from tests.support.servers import Server, servers, until


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


# --- the service goes on ---

LIMIT_S = 5.0


class Service:
    """A bus and a consumer of commands, as the service has them, with a client of another program beside."""

    def __init__(self, config: RedisConfig) -> None:
        self.config = config
        self.bus = WiredBus(config, "n1")
        self.consumer = CommandConsumer(self.bus, "n1", self.bus.hub.tell, open_gate(), Permitting(self._done))
        self._asked = 0

    async def _done(self, command: Command) -> dict[str, Any]:
        return {}

    async def works(self, within_s: float = LIMIT_S) -> None:
        """An event reaches Redis and a command is answered in time; the program that asks may have to ask again."""
        began = time.monotonic()
        self.bus.publish(alert_fired())
        while time.monotonic() < began + within_s:
            if await self._command() and await self.bus.flush(0.5):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"events and commands did not go on within {within_s} s")

    async def _command(self) -> bool:
        self._asked += 1
        given = {"id": f"c{self._asked}", "action": "stop", "call": "1", "supervisor": "Mia"}
        try:
            async with connect(self.config) as client:
                return await ask(client, Keys(self.config.prefix), Command.model_validate(given), 1.0) is not None
        except (RedisError, OSError):
            return False


@asynccontextmanager
async def service(config: RedisConfig) -> AsyncIterator[Service]:
    running = Service(config)
    await running.bus.start_alive()
    await running.consumer.start()
    try:
        await running.works(10)
        yield running
    finally:
        await running.consumer.stop()
        await running.bus.stop()


def length(server: Server, prefix: str = "callguard:") -> int:
    return int(server.client.xlen(f"{prefix}events"))


async def test_behind_an_address_that_moves_the_old_server_is_left_as_soon_as_it_is_a_replica(tmp_path: Path) -> None:
    """A virtual IP or a name: open connections stay with the old server, which answers READONLY or UNBLOCKED."""
    with servers(tmp_path) as started:
        old, new = started.pair()
        async with Proxy(old.port) as address, service(RedisConfig(url=f"redis://127.0.0.1:{address.port}/0")) as ours:
            new.client.replicaof("NO", "ONE")
            old.client.replicaof("127.0.0.1", new.port)
            address.move(new.port)
            before = length(new)
            await ours.works()
            assert length(new) > before


async def test_behind_an_address_that_moves_a_frozen_server_is_left(tmp_path: Path) -> None:
    """Its host is gone without a word: open connections get no answer."""
    with servers(tmp_path) as started:
        old, new = started.pair()
        async with Proxy(old.port) as address, service(RedisConfig(url=f"redis://127.0.0.1:{address.port}/0")) as ours:
            old.freeze()
            new.client.replicaof("NO", "ONE")
            address.move(new.port)
            before = length(new)
            await ours.works()
            assert length(new) > before


async def test_a_full_server_and_one_that_runs_a_script_are_waited_for(tmp_path: Path) -> None:
    with servers(tmp_path) as started:
        server = started.start("busy-reply-threshold 1", "maxmemory-policy noeviction")
        async with service(RedisConfig(url=f"redis://127.0.0.1:{server.port}/0")) as ours:
            server.client.config_set("maxmemory", 1)
            ours.bus.publish(alert_fired())
            assert not await ours.bus.flush(0.5)
            server.client.config_set("maxmemory", 0)
            await ours.works()
            endless = asyncio.create_task(asyncio.to_thread(spin, server))
            await asyncio.sleep(0.3)
            ours.bus.publish(alert_fired())
            assert not await ours.bus.flush(0.5)
            await asyncio.to_thread(until, lambda: killed(server))
            await endless
            await ours.works()


def spin(server: Server) -> None:
    with suppress(RedisError):
        server.client.eval("while true do end", 0)


def killed(server: Server) -> bool:
    try:
        return bool(server.client.script_kill())
    except RedisError:
        return False


async def test_sentinels_name_the_new_primary(tmp_path: Path) -> None:
    with servers(tmp_path) as started:
        old, new, sentinel = await asyncio.to_thread(started.watched, "calls")
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/calls/0"
        async with service(RedisConfig(url=url)) as ours:
            old.kill()
            await asyncio.to_thread(until, lambda: sentinel.client.sentinel_master("calls")["port"] == new.port)
            await ours.works()
            assert length(new) > 0


async def test_a_clusters_keys_move_with_their_node(tmp_path: Path) -> None:
    prefix = "{callguard}:"
    with servers(tmp_path) as started:
        nodes = await asyncio.to_thread(started.cluster)
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes[1:3])
        async with service(RedisConfig(url=f"redis+cluster://{hosts}", prefix=prefix)) as ours:
            slot = nodes[0].client.execute_command("CLUSTER", "KEYSLOT", prefix)
            owner = next(node for node in nodes[:3] if owns(node, slot))
            assert length(owner, prefix) > 0
            replica = nodes[3]
            if owner is not nodes[0]:  # the replica serves the first third: have it serve ours
                replica.client.execute_command("CLUSTER", "REPLICATE", owner.client.execute_command("CLUSTER", "MYID"))
            await asyncio.to_thread(until, lambda: length_or_none(replica, prefix))
            replica.client.execute_command("CLUSTER", "FAILOVER")
            await asyncio.to_thread(until, lambda: replica.client.role()[0] == "master")
            before = length(replica, prefix)
            await ours.works()
            assert length(replica, prefix) > before


def owns(node: Server, slot: int) -> bool:
    mine = node.client.execute_command("CLUSTER", "MYID")
    slots = node.client.execute_command("CLUSTER", "SLOTS")
    return any(first <= slot <= last and nodes[0][2] == mine for first, last, *nodes in slots)


def length_or_none(replica: Server, prefix: str) -> bool:
    """Whether the replica has the stream."""
    return int(replica.client.info("keyspace").get("db0", {}).get("keys", 0)) > 0 and bool(prefix)
