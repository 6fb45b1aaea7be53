"""Fill the shipped snippets for Asterisk with passwords, and plan their files and #include lines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from callguard.config.shipped import config_folder
from callguard.setup.changes import Change
from callguard.setup.conf import FREEPBX, PLAIN, Layout, includes, setting
from callguard.setup.console import RELOADS

ENABLING: Final = """\
; The manager interface was switched off.
[general](+)
enabled = yes
bindaddr = 127.0.0.1

"""
PRIVATE: Final = 0o640
YES: Final = frozenset({"yes", "true", "y", "t", "1", "on"})


def snippet_changes(folder: Path, layout: Layout, passwords: Mapping[str, str], *, unload: bool) -> list[Change]:
    """Return the changes of Asterisk's folder.

    `passwords` gives the passwords of users `ari` and `ami`; a user who is left out exists already. `unload` keeps
    bridge_native_rtp out.
    """
    wanted = ["extensions_callguard.conf"]
    if "ari" in passwords:
        wanted += ["ari_callguard.conf"]
        wanted += [] if _is_on(folder, "http.conf") else ["http_callguard.conf"]
    if "ami" in passwords:
        wanted += ["manager_callguard.conf"]
    if unload:
        wanted += ["modules_callguard.conf"]
    changes: list[Change] = []
    for name in wanted:
        changes += [Change(folder / name, _filled(folder, name, passwords), PRIVATE), *_line(folder, layout, name)]
    return changes


def _filled(folder: Path, name: str, passwords: Mapping[str, str]) -> str:
    text = (config_folder() / "asterisk" / name).read_text("utf-8")
    text = text.replace("change-this-ari-password", passwords.get("ari", ""))
    text = text.replace("change-this-ami-secret", passwords.get("ami", ""))
    if name == "manager_callguard.conf" and not _is_on(folder, "manager.conf"):
        text = ENABLING + text
    return text


def _line(folder: Path, layout: Layout, name: str) -> list[Change]:
    """Return the change that includes a snippet, unless its file is included already."""
    target = folder / layout.targets[name]
    present = target.read_text("utf-8", "replace") if target.exists() else ""
    if includes(present, name):
        return []
    line = f"#include {name}\n"
    ending = "" if not present or present.endswith("\n") else "\n"
    return [Change(target, f"{present}{ending}\n; CallGuard\n{line}".lstrip("\n"), appends=True)]


def _is_on(folder: Path, file: str) -> bool:
    """Return whether a file's [general] says enabled, without our own snippet."""
    own = file.replace(".conf", "_callguard.conf")
    return (setting(folder, file, "general", "enabled", but=own) or "no").lower() in YES


def by_hand(folder: Path, names: list[str]) -> list[str]:
    """Return what to do by hand where init does not change Asterisk's folder; `folder` holds the snippets."""
    return [
        f"copy {folder}/*_callguard.conf to Asterisk's folder (they hold passwords: mode 0640, group asterisk)",
        *(f"add to {PLAIN.targets[name]} (FreePBX: {FREEPBX.targets[name]}):  #include {name}" for name in names),
        *(f"asterisk -rx '{words}'" for words in RELOADS),
    ]
