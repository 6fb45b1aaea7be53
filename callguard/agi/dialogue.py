"""One FastAGI session: the head that Asterisk sends, then commands and their answers.

panoramisk's `Request` speaks the commands. Its `Application` is not used: its handler reads the head without limit, and
spins without end when a client closes before the head is complete (panoramisk 1.4).
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from panoramisk.fast_agi import Request

HEAD_BYTES: Final = 16_384
"""Longest head; Asterisk's has about 25 lines."""
HANGUP: Final = b"HANGUP\n"
"""Asterisk sends this line once, between any two answers, when the channel hangs up."""


class DialogueError(Exception):
    """The other side does not speak FastAGI, or Asterisk did not carry a command out."""


class _Answers:
    """The reader that panoramisk reads answers from; it sees neither hangup lines nor the end of the stream."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def readline(self) -> bytes:
        """Return the next line. Raises DialogueError at the end of the stream."""
        while (line := await self._reader.readline()) == HANGUP:
            continue
        if not line:
            raise DialogueError("the connection was closed before the answer")
        return line


class Dialogue:
    """A session whose head has been read. `named` are arguments of the form name=value, `words` the others."""

    def __init__(self, head: Mapping[str, str], request: Request) -> None:
        self._request = request
        self.script = head.get("agi_network_script", "").strip("/").lower()
        given = [head[key] for key in sorted(head) if key.startswith("agi_arg_")]
        self.named = dict(each.split("=", 1) for each in given if "=" in each)
        self.words = tuple(each for each in given if "=" not in each)
        runs = head.get("agi_uniqueid", "")
        self.channel = self.named.get("channel") or runs
        """Id of the channel that is spoken of: the one that runs the script, unless an argument names another."""
        self.elsewhere = self.channel != runs
        """Whether an argument names another channel than the one that runs the script."""
        number = self.named.get("number", head.get("agi_callerid", ""))
        self.number = "" if number == "unknown" else number
        """The caller's number; empty where Asterisk knows none."""

    @classmethod
    async def open(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "Dialogue":
        """Read the head. Raises DialogueError."""
        try:
            text = await reader.readuntil(b"\n\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise DialogueError("this is no FastAGI: the head is incomplete or too long") from error
        lines = text.decode("utf-8", "replace").splitlines()
        head = dict(line.split(": ", 1) for line in lines if ": " in line)
        if head.get("agi_network") != "yes":
            raise DialogueError("this is no FastAGI: agi_network is missing")
        return cls(head, Request(None, head, _Answers(reader), writer))

    async def variable(self, name: str) -> str:
        """Return a variable or function of the channel that runs the script; empty where it is not set."""
        answer = await self._ask(f'GET FULL VARIABLE "${{{name}}}"')
        found, value = answer["result"]
        return str(value) if found == "1" else ""

    async def set(self, name: str, value: str) -> None:
        """Set a variable of the channel that runs the script."""
        await self._ask(f'SET VARIABLE {name} "{_plain(value)}"')

    async def _ask(self, command: str) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await self._request.send_command(command)
        except ValueError as error:  # panoramisk parses the status with int()
            raise DialogueError(f"{command.split(' ', 1)[0]}: the answer is no AGI") from error
        if "error" in answer:
            raise DialogueError(f"{command}: {answer['error']}")
        return answer


def _plain(text: str) -> str:
    """Return a text that fits between quotes on one line."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())
