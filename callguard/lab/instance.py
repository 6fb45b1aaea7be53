"""One Asterisk of the lab: ports and folders of its own, loopback only, ended by its own pid."""

import asyncio
import base64
import ctypes
import os
import random
import secrets
import shutil
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp

from callguard.lab.root import AsteriskUnavailable, Installation

BOOT_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 3.0
RTP_PORTS: Final = 400
HOST: Final = "127.0.0.1"
_PR_SET_PDEATHSIG: Final = 1
_FIRST_PORT, _LAST_PORT = 10_000, 31_000
"""Below the ports that the kernel hands to outgoing connections, so that a restarted Asterisk finds its own free."""


@dataclass(frozen=True)
class Ports:
    """Loopback ports of one Asterisk; `rtp` is the first of RTP_PORTS."""

    http: int
    ami: int
    sip: int
    rtp: int

    @classmethod
    def free(cls) -> "Ports":
        """Pick ports on which nothing listens now. An RTP port that is taken later is skipped by Asterisk itself."""
        rtp = random.randrange(_FIRST_PORT, _LAST_PORT, 2)
        return cls(_free(socket.SOCK_STREAM), _free(socket.SOCK_STREAM), _free(socket.SOCK_DGRAM), rtp)


def _free(kind: socket.SocketKind) -> int:
    while True:
        port = random.randrange(_FIRST_PORT, _LAST_PORT)
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port


@dataclass(frozen=True)
class Login:
    """A user of ARI or AMI."""

    user: str
    secret: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """HTTP headers that log this user in."""
        token = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


class Instance:
    """An Asterisk process and its folder.

    `files` are configuration files by name; they come on top of those that every Asterisk of the lab has, and a file
    of the same name is added to, not replaced.
    """

    def __init__(
        self, name: str, installation: Installation, folder: Path, ports: Ports, files: Mapping[str, str]
    ) -> None:
        self.name = name
        self.folder = folder
        self.ports = ports
        self.admin = Login("lab")
        self._installation = installation
        self._process: Process | None = None
        self._write(files)

    @property
    def ari_url(self) -> str:
        """Base URL of the HTTP server, without /ari."""
        return f"http://{HOST}:{self.ports.http}"

    @property
    def pid(self) -> int:
        """Process id; raises RuntimeError when it does not run."""
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def log(self) -> Path:
        """Asterisk's log: verbose, notices, warnings, errors."""
        return self.folder / "log" / "full"

    @property
    def recordings(self) -> Path:
        """Where ARI's recordings lie."""
        return self.folder / "spool" / "recording"

    async def start(self) -> None:
        """Start and wait until ARI answers; raises AsteriskUnavailable with the log's last error when it doesn't."""
        with (self.folder / "console").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *self._installation.command,
                *("-f", "-n", "-C", str(self.folder / "etc" / "asterisk.conf")),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                preexec_fn=partial(_die_with, os.getpid()),
            )
        try:
            await asyncio.wait_for(self._answers(), BOOT_TIMEOUT_S)
        except TimeoutError:
            await self.kill()
            raise AsteriskUnavailable(f"{self.name} did not start: {self._last_words()}") from None

    async def stop(self) -> None:
        """End it with SIGTERM, and with SIGKILL when that takes longer than STOP_TIMEOUT_S."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def restart(self) -> None:
        """Stop, then start on the same ports. No call survives."""
        await self.stop()
        await self.start()

    async def _answers(self) -> None:
        async with aiohttp.ClientSession(headers=self.admin.headers) as http:
            while self.running:
                if await _ready(http, f"{self.ari_url}/ari/asterisk/info"):
                    return
                await asyncio.sleep(0.05)
        raise AsteriskUnavailable(f"{self.name} ended while starting: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        lines = [line for line in lines if "ERROR" in line] or lines
        console = (self.folder / "console").read_text("utf-8", "replace").splitlines()
        return (lines or console or ["no word in its log"])[-1]

    def _write(self, files: Mapping[str, str]) -> None:
        for part in ("etc", "db", "keys", "spool/recording", "run", "log", "agi"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        common = _COMMON.items()
        values = {
            **vars(self.ports),
            "rtp_end": self.ports.rtp + RTP_PORTS,
            "folder": self.folder,
            "modules": self._installation.modules,
            "data": self._installation.data,
            "secret": self.admin.secret,
        }
        texts = {name: text.format(**values) for name, text in common}
        for name in texts.keys() | files.keys():
            path = self.folder / "etc" / name
            path.write_text(texts.get(name, "") + files.get(name, ""), "utf-8")
            path.chmod(0o600)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def _ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _die_with(parent: int) -> None:
    """Have the kernel end this process when the one that started it is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


_COMMON: Final[Mapping[str, str]] = {
    "asterisk.conf": """\
[directories]
astetcdir => {folder}/etc
astmoddir => {modules}
astvarlibdir => {folder}/db
astdbdir => {folder}/db
astkeydir => {folder}
astdatadir => {data}
astagidir => {folder}/agi
astspooldir => {folder}/spool
astrundir => {folder}/run
astlogdir => {folder}/log

[options]
verbose = 3
documentation_language = en_US
live_dangerously = no
""",
    "modules.conf": """\
[modules]
autoload = yes
""",
    "logger.conf": """\
[general]
queue_log = yes
[logfiles]
full => notice,warning,error,verbose(3)
""",
    "http.conf": """\
[general]
enabled = yes
bindaddr = 127.0.0.1
bindport = {http}
sessionlimit = 1000
""",
    "ari.conf": """\
[general]
enabled = yes
[lab]
type = user
password = {secret}
""",
    "manager.conf": """\
[general]
enabled = yes
bindaddr = 127.0.0.1
port = {ami}
displayconnects = no
""",
    "rtp.conf": """\
[general]
rtpstart = {rtp}
rtpend = {rtp_end}
""",
    "pjsip.conf": """\
[loopback]
type = transport
protocol = udp
bind = 127.0.0.1:{sip}

[phone](!)
type = endpoint
transport = loopback
disallow = all
allow = ulaw
direct_media = no
bind_rtp_to_media_address = yes
media_address = 127.0.0.1
dtmf_mode = rfc4733
from_domain = 127.0.0.1
""",
}
