"""A manager interface that answers each action with a list, as Asterisk does; actions not named are refused."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

Headers = Mapping[str, str]


def _block(headers: Headers) -> bytes:
    return ("".join(f"{key}: {value}\r\n" for key, value in headers.items()) + "\r\n").encode()


def _answers(action: Headers, lists: Mapping[str, list[Headers]]) -> list[dict[str, str]]:
    name = action["Action"]
    if name == "Login":
        return [{"Response": "Success", "Message": "Authentication accepted"}]
    if name not in lists:
        return [{"Response": "Error", "Message": "Permission denied"}]
    start = {"Response": "Success", "EventList": "start", "Message": "will follow"}
    return [start, *map(dict, lists[name]), {"Event": f"{name}Complete", "EventList": "Complete"}]


@asynccontextmanager
async def manager(lists: Mapping[str, list[Headers]]) -> AsyncIterator[int]:
    """Serve on a free port of loopback; yield the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while block := await reader.readuntil(b"\r\n\r\n"):
                action = dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
                for answer in _answers(action, lists):
                    writer.write(_block({**answer, "ActionID": action["ActionID"]}))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
