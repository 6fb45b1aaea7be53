"""Read `secrets.env`, the file of environment variables beside the configuration, as systemd reads it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

SECRETS: Final = "secrets.env"
"""File of the systemd unit's EnvironmentFile, mode 0600."""


def set_environment(file: Path) -> None:
    """Set the variables of a file that are not set yet; an absent or unreadable file sets none."""
    with suppress(OSError, UnicodeDecodeError):
        for name, value in parse_environment(file.read_text("utf-8")).items():
            os.environ.setdefault(name, value)


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables of lines `NAME=value`; comments, empty lines and lines without `=` give none."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.partition("=") for line in lines if "=" in line and not line.startswith(("#", ";"))]
    return {name.strip(): _unquoted(value.strip()) for name, _, value in pairs if name.strip()}


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
