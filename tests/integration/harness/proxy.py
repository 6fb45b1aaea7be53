"""A TCP relay on loopback that can be cut: what a network fault between CallGuard and Asterisk looks like."""

import asyncio
from typing import Self


class Proxy:
    """Relays to one port; `cut` breaks all connections and refuses new ones until `mend`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._broken = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        self._drop()

    @property
    def port(self) -> int:
        assert self._server
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    def cut(self) -> None:
        self._broken = True
        self._drop()

    def mend(self) -> None:
        self._broken = False

    def _drop(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._broken:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        pair = {writer, there_writer}
        self._writers |= pair
        try:
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
        finally:
            self._writers -= pair


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
