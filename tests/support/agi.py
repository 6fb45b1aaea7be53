"""The Asterisk side of a FastAGI session: sends a head, carries commands out, keeps the variables that are set."""

import asyncio
import re
from dataclasses import dataclass, field

HEAD = {"agi_network": "yes", "agi_uniqueid": "1.1", "agi_callerid": "+49301234", "agi_channel": "PJSIP/trunk-1"}


@dataclass
class Pbx:
    """One session's channel; `functions` are what GET FULL VARIABLE finds, `answer` replaces every answer."""

    functions: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    hangs_up: bool = False
    """Whether the channel hangs up at the first command."""
    told: dict[str, str] = field(default_factory=dict)

    async def run(self, port: int, script: str, *arguments: str, **head: str) -> dict[str, str]:
        """Run a script to its end; return the variables that it set."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head_of(script, *arguments, **head))
        try:
            while line := (await asyncio.wait_for(reader.readline(), 5)).decode():
                if self.hangs_up and not self.told:
                    writer.write(b"HANGUP\n")
                writer.write((self.answer or self._carry_out(line.strip())).encode() + b"\n")
        except ConnectionError:
            pass
        writer.close()
        return self.told

    def _carry_out(self, command: str) -> str:
        if found := re.fullmatch(r'SET VARIABLE (\w+) "([^"]*)"', command):
            self.told[found[1]] = found[2]
            return "200 result=1"
        if found := re.fullmatch(r'GET FULL VARIABLE "\$\{(.*)\}"', command):
            return f"200 result=1 ({self.functions[found[1]]})" if found[1] in self.functions else "200 result=0"
        return "510 Invalid or unknown command"


def head_of(script: str, *arguments: str, **head: str) -> bytes:
    """Return the head of a session as Asterisk sends it."""
    lines = HEAD | {"agi_network_script": script} | {f"agi_arg_{n}": each for n, each in enumerate(arguments, 1)} | head
    return "".join(f"{key}: {value}\n" for key, value in lines.items()).encode() + b"\n"
