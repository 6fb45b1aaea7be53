"""The configuration shared by every Asterisk of the lab: loopback only, folders of its own, few modules."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from callguard.testbed.lab import situations
from callguard.testbed.lab.ports import RTP_PORTS, Ports
from callguard.testbed.lab.root import Installation


def common_files(installation: Installation, folder: Path, ports: Ports, secret: str) -> dict[str, str]:
    """Return configuration files by name; `secret` is the password of ARI's user `lab`."""
    values = {
        **vars(ports),
        "rtp_end": ports.rtp + RTP_PORTS,
        "folder": folder,
        "modules": installation.modules,
        "data": installation.data,
        "secret": secret,
    }
    texts = {name: text.format(**values) for name, text in _COMMON.items()}
    return {**dict.fromkeys(_EMPTY, ""), **texts, "modules.conf": _modules(installation.modules)}


def _modules(folder: Path) -> str:
    """Return the text of modules.conf, which loads each needed module that this Asterisk has."""
    names = {path.stem for pattern in _MODULES for path in folder.glob(f"{pattern}.so")}
    return "[modules]\nautoload = no\n" + "".join(f"load => {name}.so\n" for name in sorted(names))


_EMPTY: Final = (
    "acl.conf",
    "ccss.conf",
    "cdr.conf",
    "cel.conf",
    "pjproject.conf",
    "udptl.conf",
    "websocket_client.conf",
)
"""Files that may be empty; Asterisk logs an error for each missing one."""
_MODULES: Final = (
    *situations.MODULES,
    *(
        "app_audiosocket",
        "app_bridgeaddchan",
        "app_celgenuserevent",
        "app_chanspy",
        "app_dial",
        "app_mixmonitor",
        "app_playback",
        "res_agi",
        "res_speech",
        "app_queue",
    ),
    *("app_senddtmf", "app_stack", "app_stasis", "app_transfer", "app_userevent", "app_verbose", "bridge_*"),
    *("chan_audiosocket", "chan_bridge_media", "chan_pjsip", "chan_rtp", "codec_[au]law", "codec_g722", "codec_gsm"),
    *(
        "codec_resample",
        "format_gsm",
        "format_pcm",
        "format_sln",
        "format_wav",
        "func_callerid",
        "func_cdr",
        "func_channel",
        "func_global",
    ),
    *(
        "func_logic",
        "func_strings",
        "func_timeout",
        "func_version",
        "pbx_config",
        "cel_custom",
        "res_cdrel_custom",
        "res_ari",
        "res_ari_[!m]*",
        "res_ari_model",
        "res_audiosocket",
    ),
    *("res_http_websocket", "res_musiconhold", "res_pjproject", "res_pjsip", "res_pjsip_caller_id"),
    *("res_pjsip_dtmf_info", "res_pjsip_endpoint_identifier_*", "res_pjsip_header_funcs", "res_pjsip_logger"),
    *("res_pjsip_nat", "res_pjsip_pubsub", "res_pjsip_refer", "res_pjsip_rfc3326", "res_pjsip_sdp_rtp"),
    *("res_pjsip_session", "res_rtp_*", "res_sorcery_*", "res_stasis", "res_stasis_[!m]*"),
    *("res_timing_timerfd", "res_websocket_client"),
    *("app_celgenuserevent", "cel_custom", "res_cdrel_custom"),
)
"""Modules that calls, queues and ARI need; others would only log errors about their missing configuration."""

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
    "indications.conf": """\
[general]
country = us
[us]
description = United States
ringcadence = 2000,4000
busy = 480+620/500,0/500
ring = 440+480/2000,0/4000
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
