"""A minimal SMTP server that keeps what it is sent; real sockets, scripted moods."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SmtpSink:
    """Answers RCPT TO with the next of `moods` (default 250); keeps accepted messages."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.recipients: list[str] = []
        self.moods: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := (await reader.readline()).decode():
            answer = self._answer(line)
            writer.write(answer)
            if answer.startswith(b"354"):
                body = await reader.readuntil(b"\r\n.\r\n")
                self.messages.append(body.decode())
                writer.write(b"250 taken\r\n")
            if line.upper().startswith("QUIT"):
                break
        writer.close()

    def _answer(self, line: str) -> bytes:
        verb = line.upper()
        if verb.startswith("RCPT"):
            mood = self.moods.pop(0) if self.moods else "250 ok"
            if mood.startswith("250"):
                self.recipients.append(line.partition("<")[2].partition(">")[0])
            return f"{mood}\r\n".encode()
        if verb.startswith("DATA"):
            return b"354 go\r\n" if self.recipients else b"503 no recipient\r\n"
        if verb.startswith(("EHLO", "HELO", "MAIL", "RSET", "NOOP")):
            return b"250 ok\r\n"
        return b"221 bye\r\n" if verb.startswith("QUIT") else b"500 what\r\n"


@asynccontextmanager
async def smtp_sink() -> AsyncIterator[SmtpSink]:
    sink = SmtpSink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    async with server:
        yield sink
