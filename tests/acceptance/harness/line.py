"""A network in memory: connections whose bytes arrive in the event loop's next round."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Self

HOST = "127.0.0.1"
FIRST_PORT = 50_000
"""Given to servers that take any port."""
Factory = Callable[[], asyncio.BaseProtocol]


class Line(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, protocol: Any) -> None:
        super().__init__({"peername": (HOST, 0), "sockname": (HOST, 0)})
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._came: deque[bytes] = deque()
        self._reading, self._closing = True, False
        self._peer = self

    @classmethod
    def connect(cls, client: asyncio.BaseProtocol, server: asyncio.BaseProtocol) -> Self:
        """Join two protocols; return the client's end."""
        ends = cls(client), cls(server)
        for end, peer in zip(ends, reversed(ends), strict=True):
            end._peer = peer
            end._protocol.connection_made(end)
        return ends[0]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self._closing:
            self._peer._arrive(bytes(data))

    def _arrive(self, data: bytes) -> None:
        """Take bytes in; none of them: the other end has closed."""
        self._came.append(data)
        self._loop.call_soon(self._read)

    def _read(self) -> None:
        while self._came and self._reading and not self._closing:
            data = self._came.popleft()
            if data:
                self._protocol.data_received(data)
            elif not self._protocol.eof_received():
                self.close()

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._peer._arrive(b"")
            self._loop.call_soon(self._protocol.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._loop.call_soon(self._read)

    def is_reading(self) -> bool:
        return self._reading

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol  # type: ignore[no-any-return]

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_write_buffer_size(self) -> int:
        return 0  # nothing is ever on its way for longer than a round


class Listener:
    """A server, and the one socket that shows its address."""

    def __init__(self, port: int, close: Callable[[], object]) -> None:
        self.port = port
        self._close = close

    @property
    def sockets(self) -> tuple[Self]:
        return (self,)

    def getsockname(self) -> tuple[str, int]:
        return HOST, self.port

    def close(self) -> None:
        self._close()

    async def wait_closed(self) -> None:
        """Nothing to wait for: connections are their owners' to close."""
