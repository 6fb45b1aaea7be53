"""A TCP relay on loopback that simulates the failures of a network, or of the HTTP server behind it."""

import asyncio
from typing import Final, Self

HOST: Final = "127.0.0.1"
_CHUNK: Final = 65536
_METHODS: Final = (b"GET ", b"POST ", b"PUT ", b"DELETE ", b"PATCH ")
_REFUSAL: Final = (
    "HTTP/1.1 {status} Simulated failure\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    "Connection: close\r\n\r\n{{}}"
)


class Proxy:
    """Relays to one port; use it as an async context manager. `refuse` and `slow` do not affect open WebSockets."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._broken = False
        self._status: int | None = None
        self._delay_s = 0.0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server:
            self._server.close()
        self._drop()

    @property
    def port(self) -> int:
        """Return the port to connect to; raise RuntimeError before the proxy listens."""
        if self._server is None:
            raise RuntimeError("the proxy does not listen yet")
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        self._broken = True
        self._drop()

    def refuse(self, status: int = 500) -> None:
        """Answer each HTTP request with a status, without passing it to the server."""
        self._status = status

    def slow(self, seconds: float) -> None:
        """Delay each HTTP request by `seconds`."""
        self._delay_s = seconds

    def mend(self) -> None:
        """Relay all traffic unchanged again."""
        self._broken, self._status, self._delay_s = False, None, 0.0

    def move(self, port: int) -> None:
        """Relay new connections to another port; open ones stay where they are, as when a virtual IP moves."""
        self._to = port

    def _drop(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._broken:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection(HOST, self._to)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, there_writer}
        self._writers |= pair
        try:
            await asyncio.gather(self._ask(reader, there_writer, writer), _pump(there_reader, writer))
        finally:
            self._writers -= pair

    async def _ask(self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        """Relay the client's bytes; the fault in force at the arrival of each request applies to it."""
        try:
            while data := await reader.read(_CHUNK):
                if data.startswith(_METHODS):
                    await asyncio.sleep(self._delay_s)
                    if self._status:
                        await _answer(back, self._status)
                        return
                there.write(data)
                await there.drain()
        except OSError:
            pass
        finally:
            there.close()


async def _answer(writer: asyncio.StreamWriter, status: int) -> None:
    writer.write(_REFUSAL.format(status=status).encode())
    await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
