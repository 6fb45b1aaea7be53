"""Events and commands go on within five seconds when the server behind `redis.url` is another one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from callguard.bus.ask import ask
from callguard.bus.client import connect
from callguard.bus.consumer import CommandConsumer
from callguard.bus.keys import Keys
from callguard.config import Redis as RedisConfig
from callguard.contracts.commands import Command
from callguard.testbed.proxy import Proxy
from tests.support.bus import WiredBus
from tests.support.events import alert_fired
from tests.support.servers import Server, servers, until

LIMIT_S = 5.0


class Service:
    """A bus and a consumer of commands, as the service has them, with a client of another program beside."""

    def __init__(self, config: RedisConfig) -> None:
        self.config = config
        self.bus = WiredBus(config, "n1")
        self.consumer = CommandConsumer(self.bus, "n1", lambda happened: None, self._done)
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
