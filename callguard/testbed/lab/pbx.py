"""The PBX of the lab: an Asterisk configured by our guide for administrators, with the shipped snippets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from callguard.config.shipped import config_folder
from callguard.testbed.lab import situations
from callguard.testbed.lab.instance import Instance, Login
from callguard.testbed.lab.ports import HOST, Ports
from callguard.testbed.lab.root import AsteriskUnavailable, Installation
from callguard.testbed.lab.sounds import with_prompts
from callguard.testbed.lab.tones import music, write_wav

CONTEXT: Final = "phones"
"""Dialplan context in which all phones call."""
QUEUE: Final = "500"
"""Dials queue `support` without options: Asterisk would bridge it natively if it could."""
QUEUE_WITH_FEATURES: Final = "501"
"""Dials queue `support`; both sides may transfer, and *55, *56 and *57 work."""
SALES: Final = "502"
"""Dials queue `sales`."""
LOCAL: Final = "503"
"""Dials queue `local`, whose members are Local channels that Asterisk takes out of an answered call."""
LOCAL_KEPT: Final = "504"
"""Dials queue `local-kept`, whose members are Local channels that stay in the call (`/n`)."""
ASKING: Final = "505"
"""Asks CallGuard about the caller before queue `support` and about the outcome after it, then waits (a survey)."""
AS_FREEPBX: Final = "506"
"""The same by the contexts that FreePBX makes of a custom destination with return."""
OWN_SCRIPT: Final = "507"
"""Runs the FastAGI URL of the global variable SCRIPT, then dials agent1."""
FEATURES: Final = "8"
"""Before a phone's number: Dial with the options of QUEUE_WITH_FEATURES."""


class Pbx(Instance):
    """The PBX.

    `admin` and `manager` are the tests' own users of ARI and AMI; `ari` and `ami` are CallGuard's, from the shipped
    snippets.
    """

    def __init__(
        self,
        installation: Installation,
        folder: Path,
        ports: Ports,
        farm: Ports,
        phones: dict[str, str],
        agents: Sequence[str],
        *,
        elsewhere: Mapping[str, int],
        native_rtp: bool,
        hold_music: Path | None,
    ) -> None:
        self.tap = installation.tap
        self.version = installation.version
        self.ari = Login("callguard")
        self.ami = Login("callguard")
        self.manager = Login("manager")
        etc = folder / "etc"
        etc.mkdir(parents=True, exist_ok=True)
        self._install_snippets(etc, ports.agi)
        (folder / "log" / "cel-custom").mkdir(parents=True)
        moh = folder / "moh"
        moh.mkdir()
        if hold_music:
            (moh / "music.wav").write_bytes(hold_music.read_bytes())
        else:
            write_wav(moh / "music.wav", music(30.0))
        files = {
            "modules.conf": "" if native_rtp else "#include modules_callguard.conf\n",
            "http.conf": "#include http_callguard.conf\n",
            "ari.conf": "#include ari_callguard.conf\n",
            "manager.conf": "#include manager_callguard.conf\n" + _MANAGER.format(secret=self.manager.secret),
            "features.conf": _FEATURES,
            "cel.conf": _CEL,
            "cel_custom.conf": _MARKS,
            "extensions.conf": _dialplan(phones),
            "queues.conf": _queues(agents),
            **situations.FILES,
            "musiconhold.conf": f"[default]\nmode = files\ndirectory = {moh}\n",
            "pjsip.conf": "".join(
                _PHONE.format(name=name, number=phones[name], port=elsewhere.get(name, farm.sip)) for name in phones
            ),
        }
        super().__init__("pbx", with_prompts(installation, folder / "data"), folder, ports, files)

    def _install_snippets(self, etc: Path, agi: int) -> None:
        for snippet in sorted(snippets().glob("*_callguard.conf")):
            text = snippet.read_text("utf-8")
            text = text.replace("change-this-ari-password", self.ari.secret)
            text = text.replace("change-this-ami-secret", self.ami.secret)
            text = text.replace("127.0.0.1:4573", f"{HOST}:{agi}")
            (etc / snippet.name).write_text(text, "utf-8")


def snippets() -> Path:
    """Return the folder of configuration snippets that administrators include."""
    try:
        return config_folder() / "asterisk"
    except FileNotFoundError as error:
        raise AsteriskUnavailable(str(error)) from error


def _phones(numbers: Mapping[str, str], ports: Mapping[str, int]) -> str:
    return "".join(_PHONE.format(name=name, number=number, port=ports[name]) for name, number in numbers.items())


def _dialplan(phones: dict[str, str]) -> str:
    lines = [_DIALPLAN, situations.DIALPLAN]
    for name, number in phones.items():
        lines.append(f"exten => {number},1,Dial(PJSIP/{name},60)\n")
        lines.append(f"exten => {FEATURES}{number},1,{_CODES}\n")
        lines.append(f" same => n,Dial(PJSIP/{name},60,tT)\n")
    lines.append("[agents]\n")
    lines += [f"exten => {name},1,Dial(PJSIP/{name},60)\n" for name in phones]
    lines.append(situations.CONTEXTS)
    return "".join(lines) + "#include extensions_callguard.conf\n#include agi_callguard.conf\n"


def _queues(agents: Sequence[str]) -> str:
    queues = (_QUEUE.format(name=queue) + _members(how, agents) for queue, how in _MEMBERS.items())
    return "[general]\n" + "".join(queues) + situations.QUEUES


def _members(how: str, agents: Sequence[str]) -> str:
    return "".join(f"member => {how.format(name)},0,{name},PJSIP/{name}\n" for name in agents)


_MEMBERS: Final = {
    "support": "PJSIP/{}",
    "sales": "PJSIP/{}",
    "local": "Local/{}@agents",
    "local-kept": "Local/{}@agents/n",
}
"""The interface by which each queue reaches an agent."""


_CODES: Final = "Set(__DYNAMIC_FEATURES=callguard-help#callguard-abuse#callguard-quiet)"
_DIALPLAN: Final = f"""\
[phones]
exten => {QUEUE},1,Answer()
 same => n,Queue(support)
exten => {QUEUE_WITH_FEATURES},1,Answer()
 same => n,{_CODES}
 same => n,Queue(support,tT)
exten => {SALES},1,Answer()
 same => n,Queue(sales)
exten => {LOCAL},1,Answer()
 same => n,Queue(local)
exten => {LOCAL_KEPT},1,Answer()
 same => n,Queue(local-kept)
exten => {ASKING},1,Answer()
 same => n,GoSub(callguard-ask,caller,1)
 same => n,Set(QUEUE_PRIO=0${{CALLGUARD_PRIORITY}})
 same => n,Queue(support,c)
 same => n,GoSub(callguard-ask,outcome,1)
 same => n,Wait(30)
exten => {AS_FREEPBX},1,Answer()
 same => n,Goto(customdests,dest-1,1)
exten => {OWN_SCRIPT},1,Goto(acts,own,1)
[customdests]
exten => dest-1,1,GoSub(callguard-ask,caller,1)
 same => n,Goto(ext-queues,400,1)
[ext-queues]
exten => 400,1,Queue(support)
[acts]
exten => own,1,Answer()
 same => n,AGI(${{SCRIPT}})
 same => n,Dial(PJSIP/agent1)
exten => script,1,AGI(${{SCRIPT}})
exten => stay,1,Wait(1)
[phones]
"""

# The first member that is free is rung, in the order of the phones' names.
_QUEUE: Final = """\
[{name}]
strategy = linear
timeout = 20
retry = 1
wrapuptime = 0
ringinuse = no
"""

_MANAGER: Final = """\
[manager]
secret = {secret}
read = call
write = call,originate,system,command
"""

_CEL: Final = """\
[general]
enable = yes
events = USER_DEFINED
"""
_MARKS: Final = """\
[mappings]
marks.csv => ${CHANNEL(linkedid)},${userdeftype},${eventextra}
"""
"""Asterisk writes these records to log/cel-custom, a folder that it does not make."""

_FEATURES: Final = """\
[general]
transferdigittimeout = 2
featuredigittimeout = 1000
[featuremap]
blindxfer => #1
atxfer => *2
[applicationmap]
#include features_callguard.conf
"""

_PHONE: Final = (
    """\

[{name}](phone)
context = phones
identify_by = username
call_group = 1
pickup_group = 1
aors = {name}
callerid = "{name}" <{number}>

[{name}]
type = aor
contact = sip:{name}@"""
    + HOST
    + """:{port}
"""
)
