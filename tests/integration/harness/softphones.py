"""Real SIP clients as phones of the lab: baresip and PJSIP, processes that speak a file and record what they hear."""

import asyncio
import importlib.util
import itertools
import json
import os
import shutil
import signal
import sys
from abc import ABC, abstractmethod
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from socket import SOCK_STREAM
from typing import Any, Final, Self

import numpy as np
import pytest

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.ports import HOST, free_port
from callguard.testbed.lab.tones import RATE, tone_dbfs, write_wav
from tests.integration.harness.parties import HEARD_DBFS, HERTZ

KINDS = ("baresip", *(("pjsua",) if sys.version_info < (3, 13) else ()))
"""PJSIP's wheels end at Python 3.12."""
WAIT_S: Final = 5.0
HEADER_BYTES: Final = 44
ECHO: Final = "aubridge,none"
"""The other side of baresip's loudspeaker."""
MODULES: Final = Path("/usr/lib/baresip/modules")
_numbers = itertools.count(1)


class Softphone(ABC):
    """A phone that answers each call at once. Positions in its recording are samples.

    Without a voice, which baresip alone can be, it sends back what it hears.
    """

    def __init__(self, lab: Lab, name: str, voice: Path | None) -> None:
        self.lab = lab
        self.name = name
        self.voice = voice
        self.folder = lab.folder / f"{name}-{next(_numbers)}"
        self.up = asyncio.Event()
        self.ended = asyncio.Event()
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.folder.mkdir()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reader:
            self._reader.cancel()
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    @abstractmethod
    async def start(self) -> None:
        """Start the program and wait until it can be called."""

    @abstractmethod
    async def do(self, action: str, what: str = "") -> None:
        """Call, hold, resume, transfer, key digits, hang up; PJSIP can mute, too. `what`: a number, or digits."""

    @property
    @abstractmethod
    def recording(self) -> Path:
        """The raw end of this WAV file is what the phone heard."""

    @property
    def position(self) -> int:
        """Number of samples that were recorded so far."""
        return max(0, self.recording.stat().st_size - HEADER_BYTES) // 2

    async def call(self, number: str) -> None:
        await self.do("call", number)
        await asyncio.wait_for(self.up.wait(), WAIT_S)

    def heard(self, start: int, end: int) -> set[str]:
        """Whose tones were heard between two positions; nobody's where nothing was decoded."""
        samples = np.frombuffer(self.recording.read_bytes()[HEADER_BYTES:], "<i2")[start:end]
        if len(samples) < RATE // 5:
            return set()
        part = write_wav(self.folder / "part.wav", samples)
        return {name for name, hertz in HERTZ.items() if tone_dbfs(part, hertz) > HEARD_DBFS}

    async def listen(self, seconds: float = 0.8, settle_s: float = 0.5) -> set[str]:
        """Listen for a while; return whose tones the phone heard."""
        await asyncio.sleep(settle_s)
        start = self.position
        await asyncio.sleep(seconds)
        return self.heard(start, self.position)

    async def _spawn(self, *command: str, **pipes: Any) -> Process:
        self._process = await asyncio.create_subprocess_exec(*command, **pipes)
        return self._process


class Baresip(Softphone):
    """baresip, commanded over TCP."""

    async def start(self) -> None:
        port = free_port(SOCK_STREAM)
        pbx = f"{HOST}:{self.lab.pbx.ports.sip}"
        (self.folder / "heard").mkdir()
        source = f"aufile,{self.voice}" if self.voice else ECHO
        values = {"port": self.lab.softphones[self.name], "source": source, "folder": self.folder, "control": port}
        (self.folder / "config").write_text(_BARESIP.format(**values, host=HOST, modules=MODULES))
        account = f"<sip:{self.name}@{pbx}>;regint=0;answermode=auto;audio_codecs=PCMU"
        (self.folder / "accounts").write_text(account + "\n")
        (self.folder / "contacts").touch()
        with (self.folder / "log").open("wb") as log:
            await self._spawn("baresip", "-4", "-f", str(self.folder), stdin=PIPE, stdout=log, stderr=STDOUT)
        deadline = asyncio.get_running_loop().time() + WAIT_S
        while True:
            try:
                reader, self._writer = await asyncio.open_connection(HOST, port)
                break
            except OSError:
                assert asyncio.get_running_loop().time() < deadline, (self.folder / "log").read_text()
                await asyncio.sleep(0.05)
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read(reader))

    async def do(self, action: str, what: str = "") -> None:
        if action == "keys":
            for digit in what:
                await self._ask("sndcode", digit)
                await asyncio.sleep(0.2)
            return
        target = f"sip:{what}@{HOST}:{self.lab.pbx.ports.sip}" if what else ""
        await self._ask({"call": "dial", "hang_up": "hangup"}.get(action, action), target)

    async def _ask(self, command: str, params: str) -> None:
        text = json.dumps({"command": command, "params": params, "token": command}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))
        answer = await asyncio.wait_for(self._answers.get(), WAIT_S)
        assert answer["ok"], answer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Read netstrings: answers, and events of the call."""
        while size := await reader.readuntil(b":"):
            message = json.loads((await reader.readexactly(int(size[:-1]) + 1))[:-1])
            if message.get("response"):
                self._answers.put_nowait(message)
            elif message.get("type") == "CALL_ESTABLISHED":
                self.up.set()
            elif message.get("type") == "CALL_CLOSED":
                self.ended.set()

    @property
    def recording(self) -> Path:
        return max((self.folder / "heard").glob("*-dec.wav"), key=lambda path: path.stat().st_mtime)


class Pjsua(Softphone):
    """PJSIP's user agent, commanded over standard input."""

    async def start(self) -> None:
        self.ready = asyncio.Event()
        module = "tests.integration.harness.pjsua_phone"
        ports = (str(self.lab.softphones[self.name]), str(self.lab.pbx.ports.sip))
        files = (str(self.voice), str(self.recording))
        process = await self._spawn(
            *(sys.executable, "-m", module, self.name, *ports, *files), stdin=PIPE, stdout=PIPE, env=os.environ
        )
        self._reader = asyncio.create_task(self._read(process))
        await asyncio.wait_for(self.ready.wait(), WAIT_S)

    async def do(self, action: str, what: str = "") -> None:
        assert self._process
        assert self._process.stdin
        command = {"do": action, "to": what, "digits": what}
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()

    async def _read(self, process: Process) -> None:
        assert process.stdout
        known = {b"@ready": self.ready, b"@up": self.up, b"@ended": self.ended}
        async for line in process.stdout:
            if event := known.get(line.strip()):
                event.set()

    @property
    def recording(self) -> Path:
        return self.folder / "heard.wav"


def softphone(kind: str, lab: Lab, name: str, voice: Path | None) -> Softphone:
    """A phone of a kind; the test is skipped where its program is missing."""
    if kind == "baresip" and not shutil.which("baresip"):
        pytest.skip("no baresip (Debian package)")
    if kind == "pjsua" and not importlib.util.find_spec("pjsua2"):
        pytest.skip("no pjsua2 (PyPI package pjsua2-python)")
    return Baresip(lab, name, voice) if kind == "baresip" else Pjsua(lab, name, voice)


@asynccontextmanager
async def softphones(kind: str, lab: Lab, voices: Mapping[str, Path | None]) -> AsyncIterator[dict[str, Softphone]]:
    """Several phones of a kind, by name."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(softphone(kind, lab, name, voice)) for name, voice in voices.items()
        }


_BARESIP: Final = """\
sip_listen {host}:{port}
audio_player aubridge,none
audio_source {source}
audio_alert aubridge,none
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
module_path {modules}
module g711.so
module sndfile.so
module aufile.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {host}:{control}
snd_path {folder}/heard
"""
