"""One Asterisk of the lab, with ports and folders of its own, on loopback only; it is ended by its pid."""

import asyncio
import base64
import ctypes
import os
import secrets
import shutil
import signal
from asyncio.subprocess import Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp

from callguard.testbed.lab.files import common_files
from callguard.testbed.lab.ports import HOST, Ports
from callguard.testbed.lab.root import AsteriskUnavailable, Installation

BOOT_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 3.0
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True)
class Login:
    """A user of ARI or AMI."""

    user: str
    secret: str = field(default_factory=lambda: secrets.token_hex(12), repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Return the HTTP headers that log in this user."""
        token = base64.b64encode(f"{self.user}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {token}"}


class Instance:
    """An Asterisk process and its folder.

    `files` are configuration files by name, besides those that every Asterisk of the lab has; the text of a file with
    the same name is appended.
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
        """Return the base URL of the HTTP server, without /ari."""
        return f"http://{HOST}:{self.ports.http}"

    @property
    def pid(self) -> int:
        """Return the process id; raise RuntimeError where the process does not run."""
        if self._process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Return whether the process is alive."""
        return self._process is not None and self._process.returncode is None

    @property
    def log(self) -> Path:
        """Return the path of Asterisk's log, which holds verbose messages, notices, warnings and errors."""
        return self.folder / "log" / "full"

    @property
    def recordings(self) -> Path:
        """Return the folder of ARI's recordings."""
        return self.folder / "spool" / "recording"

    async def start(self) -> None:
        """Start and wait until ARI answers; raise AsteriskUnavailable with the log's last error where it doesn't."""
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
        """End the process with SIGTERM, and with SIGKILL after STOP_TIMEOUT_S."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process at once, as a crash would."""
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
        common = common_files(self._installation, self.folder, self.ports, self.admin.secret)
        for name in common.keys() | files.keys():
            path = self.folder / "etc" / name
            path.write_text(common.get(name, "") + files.get(name, ""), "utf-8")
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
    """Let the kernel end this process when its parent ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
