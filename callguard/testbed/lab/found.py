"""A PBX as found: the package's own configuration, numeric endpoints, FreePBX-like contexts, and no file of ours.

Only ports and loopback addresses are set. ARI has no user, the HTTP server is off, native RTP is on.
"""

import asyncio
import shlex
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callguard.testbed.lab.farm import Farm
from callguard.testbed.lab.files import common_files
from callguard.testbed.lab.instance import Instance
from callguard.testbed.lab.ports import HOST, RTP_PORTS, Ports
from callguard.testbed.lab.root import Installation, asterisk
from callguard.testbed.lab.sounds import with_own_sounds

AGENTS: Final = ("201", "202")
COLLEAGUE: Final = "205"
SUPERVISOR: Final = "301"
TRUNK: Final = "acme-out"
QUEUE: Final = "400"
PHONES: Final = (*AGENTS, COLLEAGUE, SUPERVISOR)
NAMES: Final = {"201": "Ann Lee", "202": "Bo Ray", "205": "Cy Stone", "301": "Di Moss"}


class FoundPbx(Instance):
    """The PBX. With `freepbx` its files are laid out as FreePBX generates them."""

    def __init__(self, installation: Installation, folder: Path, ports: Ports, farm: Ports, *, freepbx: bool) -> None:
        self._stock = installation.data.parents[2] / "etc" / "asterisk"
        files = _freepbx_files(ports, farm) if freepbx else _plain_files(ports, farm)
        super().__init__("found", with_own_sounds(installation, folder / "data"), folder, ports, files)

    @property
    def etc(self) -> Path:
        """Return Asterisk's folder."""
        return self.folder / "etc"

    @property
    def command(self) -> str:
        """Return the command that takes `-rx`."""
        return shlex.join([*self._installation.command, "-C", str(self.etc / "asterisk.conf")])

    def tail(self) -> str:
        """Return the end of what Asterisk wrote on its console."""
        return (self.folder / "console").read_text("utf-8", "replace")[-4000:]

    def _write(self, files: Mapping[str, str]) -> None:
        shutil.copytree(self._stock, self.etc)
        for part in ("db", "keys", "spool/recording", "run", "log", "agi"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        directories = common_files(self._installation, self.folder, self.ports, "")["asterisk.conf"]
        for name, text in {**files, "asterisk.conf": directories}.items():
            (self.etc / name).write_text(text, "utf-8")
        modules = (self.etc / "modules.conf").read_text("utf-8")
        quiet = "".join(f"noload => {name}.so\n" for name in _NOT_LOOPBACK)
        (self.etc / "modules.conf").write_text(modules.replace("[modules]\n", f"[modules]\n{quiet}", 1), "utf-8")

    async def _answers(self) -> None:
        while self.running:
            process = await asyncio.create_subprocess_exec(
                *(*shlex.split(self.command), "-rx", "core waitfullybooted"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await process.communicate()
            if b"fully booted" in out:
                return
            await asyncio.sleep(0.1)


@dataclass(frozen=True)
class FoundLab:
    """The PBX as found, and its phones: 201, 202, 205, 301, and acme-out, through which customers call."""

    pbx: FoundPbx
    farm: Farm
    folder: Path

    @staticmethod
    @asynccontextmanager
    async def start(*, freepbx: bool = False) -> "AsyncIterator[FoundLab]":
        """Start both Asterisks, and stop them at the end. Raises AsteriskUnavailable."""
        installation = asterisk()
        with tempfile.TemporaryDirectory(prefix="callguard-found-", ignore_cleanup_errors=True) as name:
            folder, at_pbx, at_farm = Path(name), Ports.free(), Ports.free()
            pbx = FoundPbx(installation, folder / "pbx", at_pbx, at_farm, freepbx=freepbx)
            farm = Farm(installation, folder / "farm", at_farm, at_pbx, {phone: phone for phone in (*PHONES, TRUNK)})
            try:
                await pbx.start()
                await farm.start()
                yield FoundLab(pbx, farm, folder)
            finally:
                await farm.stop()
                await pbx.stop()


_NOT_LOOPBACK: Final = (
    "chan_iax2",
    "chan_unistim",
    "chan_ooh323",
    "pbx_dundi",
    "res_stun_monitor",
    "res_resolver_unbound",
)
"""Modules of the package that listen on every address; tests listen on loopback."""


def _plain_files(ports: Ports, farm: Ports) -> dict[str, str]:
    http = f"[general]\nservername=Asterisk\nbindaddr={HOST}\nbindport={ports.http}\n"
    manager = f"[general]\nenabled = yes\nport = {ports.ami}\nbindaddr = {HOST}\n"
    return {
        **_calls(ports, farm),
        "http.conf": http,
        "manager.conf": manager,
        "extensions.conf": f"[general]\nstatic = yes\n{_DIALPLAN}",
    }


def _freepbx_files(ports: Ports, farm: Ports) -> dict[str, str]:
    """Return the files as FreePBX writes them; init finds its place in the *_custom.conf files."""
    return {
        **_calls(ports, farm),
        "http.conf": "#include http_additional.conf\n#include http_custom.conf\n",
        "http_additional.conf": f"[general]\nenabled = no\nbindaddr = {HOST}\nbindport = {ports.http}\n",
        "http_custom.conf": "",
        "ari.conf": "[general]\n#include ari_general_additional.conf\n#include ari_additional.conf\n"
        "#include ari_additional_custom.conf\n",
        "ari_general_additional.conf": "enabled = yes\n",
        "ari_additional.conf": "",
        "ari_additional_custom.conf": "",
        "manager.conf": f"[general]\nenabled = yes\nport = {ports.ami}\nbindaddr = {HOST}\n"
        "#include manager_additional.conf\n#include manager_custom.conf\n",
        "manager_additional.conf": "",
        "manager_custom.conf": "",
        "extensions.conf": "#include extensions_additional.conf\n#include extensions_custom.conf\n",
        "extensions_additional.conf": _DIALPLAN,
        "extensions_custom.conf": "",
    }


def _calls(ports: Ports, farm: Ports) -> dict[str, str]:
    phones = "".join(_PHONE.format(name=p, context="from-internal", person=NAMES[p], farm=farm.sip) for p in PHONES)
    trunk = _PHONE.format(name=TRUNK, context="from-pstn", person="", farm=farm.sip)
    members = "".join(f"member => Local/{n}@from-queue/n,0,{NAMES[n]},hint:{n}@ext-local\n" for n in AGENTS)
    return {
        "pjsip.conf": _TRANSPORT.format(port=ports.sip) + phones + trunk,
        "queues.conf": f"[general]\n[{QUEUE}]\nstrategy = linear\ntimeout = 20\nretry = 1\n{members}",
        "rtp.conf": f"[general]\nrtpstart={ports.rtp}\nrtpend={ports.rtp + RTP_PORTS}\n",
    }


_TRANSPORT: Final = f"[transport-udp]\ntype = transport\nprotocol = udp\nbind = {HOST}:{{port}}\n"
_PHONE: Final = (
    """
[{name}]
type = endpoint
context = {context}
transport = transport-udp
disallow = all
allow = ulaw
direct_media = no
bind_rtp_to_media_address = yes
media_address = """
    + HOST
    + """
identify_by = username
aors = {name}
callerid = "{person}" <{name}>

[{name}]
type = aor
contact = sip:{name}@"""
    + HOST
    + """:{farm}
"""
)
_DIALPLAN: Final = f"""\
[from-internal]
include => ext-local
include => ext-queues
exten => _9X.,1,Dial(PJSIP/{TRUNK},60)

[from-queue]
include => ext-local

[ext-queues]
exten => {QUEUE},1,Answer()
 same => n,Queue({QUEUE})

[from-pstn]
exten => _X.,1,Goto(ext-queues,{QUEUE},1)

[ext-local]
""" + "".join(
    f"exten => {phone},hint,PJSIP/{phone}&Custom:DND{phone}\nexten => {phone},1,Dial(PJSIP/{phone},60)\n"
    for phone in PHONES
)
