"""Read Asterisk's configuration files, and say where lines of ours go: in a plain Asterisk and in a FreePBX."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEEPEST: Final = 5
"""Includes within includes."""
INCLUDE: Final = re.compile(r'^\s*#\s*(?:try)?include\s+["<]?([^">;\s]+)')
SECTION: Final = re.compile(r"^\s*\[([^\]]+)\]")
SETTING: Final = re.compile(r"^\s*([A-Za-z_]\w*)\s*=>?\s*([^;]*)")
FREEPBX_MARKS: Final = ("extensions_additional.conf", "freepbx_menu.conf")
"""Files that FreePBX generates in Asterisk's folder."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The file that takes the #include line of each of our snippets."""

    name: str
    targets: Mapping[str, str]


PLAIN: Final = Layout(
    "Asterisk",
    {
        "http_callguard.conf": "http.conf",
        "ari_callguard.conf": "ari.conf",
        "manager_callguard.conf": "manager.conf",
        "extensions_callguard.conf": "extensions.conf",
        "modules_callguard.conf": "modules.conf",
    },
)
FREEPBX: Final = Layout(
    "FreePBX",
    {
        "http_callguard.conf": "http_custom.conf",
        "ari_callguard.conf": "ari_additional_custom.conf",
        "manager_callguard.conf": "manager_custom.conf",
        "extensions_callguard.conf": "extensions_custom.conf",
        "modules_callguard.conf": "modules.conf",
    },
)
"""FreePBX writes the files above itself and includes these; it does not write modules.conf."""


def layout_of(folder: Path) -> Layout:
    """Return the layout of Asterisk's folder."""
    return FREEPBX if any((folder / name).exists() for name in FREEPBX_MARKS) else PLAIN


def setting(folder: Path, file: str, section: str, key: str, *, but: str = "") -> str | None:
    """Return a setting of one of Asterisk's files, includes followed but one; None where it is not set.

    The last one counts.
    """
    found = None
    present = ""
    for line in _lines(folder, file, 0, but):
        if match := SECTION.match(line):
            present = match[1]
        elif present == section and (match := SETTING.match(line)) and match[1] == key:
            found = match[2].strip()
    return found


def includes(text: str, file: str) -> bool:
    """Return whether a file's text includes another file."""
    return any((match := INCLUDE.match(line)) and Path(match[1]).name == file for line in text.splitlines())


def _lines(folder: Path, file: str, depth: int, but: str) -> Iterator[str]:
    try:
        text = (folder / file).read_text("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        if (match := INCLUDE.match(line)) and depth < DEEPEST:
            for path in sorted(folder.glob(match[1].removeprefix(f"{folder}/"))):
                if path.name != but:
                    yield from _lines(folder, str(path.relative_to(folder)), depth + 1, but)
        else:
            yield line
