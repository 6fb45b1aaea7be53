"""The key by which a node's own command line signs its commands: a file that only the service's user and root read."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

BYTES: Final = 32


def key_path(folder: Path, node: str) -> Path:
    """Return the file of a node's key in the folder of state."""
    return folder / f"{node}.key"


def made_key(path: Path) -> str:
    """Return the key in a file, which is made where there is none. Raises OSError."""
    with suppress(FileExistsError):
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f".{path.name}.{os.getpid()}")
        made.unlink(missing_ok=True)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(BYTES) + "\n")
        try:
            os.link(made, path)  # whole or not at all, and never over another process's key
        finally:
            made.unlink()
    return read_key(path)


def read_key(path: Path) -> str:
    """Return the key in a file. Raises OSError where it can't be read, or holds no key."""
    key = path.read_text("ascii", "replace").strip()
    if len(key) < 2 * BYTES:
        raise OSError(f"{path} holds no key")
    return key
