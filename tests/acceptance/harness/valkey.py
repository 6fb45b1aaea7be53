"""A real Valkey whose answers take no time: each command is carried out between two rounds of the event loop.

Only what depends on the clock is done here: a blocking read waits in the loop's time until somebody has written, TIME
tells that time, and entries of streams are numbered by it.
"""

import asyncio
import socket
import time
from collections import deque
from typing import Any

import hiredis

WRITES = (b"XADD", b"EXEC", b"EVAL")
NOTHING: tuple[Any, ...] = (None, [])


class Valkey:
    """The server, as clients in the loop reach it. Call it for the protocol of one connection."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("redis://").partition("/")[0].partition(":")
        self._address = host, int(port)
        self.readers: set[Client] = set()
        """Connections that wait for a stream to grow."""

    def __call__(self) -> "Client":
        return Client(self, socket.create_connection(self._address, timeout=5.0))


class Client(asyncio.Protocol):
    """One connection to the server, and what its client has asked of it."""

    def __init__(self, valkey: Valkey, server: socket.socket) -> None:
        self._valkey = valkey
        self._server = server
        self._requests = hiredis.Reader()
        self._asked: deque[list[bytes]] = deque()
        self._deadline: asyncio.TimerHandle | None = None
        self._patient = True

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._server.close()

    def data_received(self, data: bytes) -> None:
        self._requests.feed(data)
        while (command := self._requests.gets()) is not False:
            self._asked.append(command)
        self.go_on()

    def go_on(self) -> None:
        """Answer in order, as far as nothing has to be waited for."""
        while self._asked and (answer := self._answer(list(self._asked[0]))) is not None:
            self._asked.popleft()
            self._stop_waiting()
            self._transport.write(answer)

    def _answer(self, command: list[bytes]) -> bytes | None:
        """Return the server's answer; None while a blocking read has nothing to read."""
        name = command[0].upper()
        if name == b"TIME":
            return _packed(*divmod(round(time.time() * 1e6), 1_000_000))
        if name == b"XADD":
            command[command.index(b"*")] = b"%d-*" % (time.time() * 1000)
        block_s = _unblocked(command) if name.startswith(b"XREAD") else 0.0
        raw, answer = self._ask(command)
        if block_s and answer in NOTHING and self._patient:
            self._wait(block_s)
            return None
        if name in WRITES:
            for reader in list(self._valkey.readers):
                asyncio.get_running_loop().call_soon(reader.go_on)
        return raw

    def _ask(self, command: list[bytes]) -> tuple[bytes, Any]:
        self._server.sendall(_packed(*command))
        replies, raw = hiredis.Reader(), b""
        while True:
            part = self._server.recv(1 << 16)
            if not part:
                raise ConnectionError("Valkey has gone")
            raw += part
            replies.feed(part)
            if (answer := replies.gets()) is not False:
                return raw, answer

    def _wait(self, seconds: float) -> None:
        """Ask again when others have written, and for the last time after `seconds`."""
        self._valkey.readers.add(self)
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._patient = False
        self.go_on()

    def _stop_waiting(self) -> None:
        self._patient = True
        self._valkey.readers.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _packed(*parts: Any) -> bytes:
    """A list as it goes over the wire."""
    return bytes(hiredis.pack_command(parts))


def _unblocked(command: list[bytes]) -> float:
    """Take BLOCK out of a read; return its seconds."""
    if b"BLOCK" not in command:
        return 0.0
    at = command.index(b"BLOCK")
    milliseconds = command[at + 1]
    del command[at : at + 2]
    return int(milliseconds) / 1000
