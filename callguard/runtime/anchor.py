"""The head of the audit chain, kept in a file: an entry that is missing from the stream shows by it."""

import json
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

log = structlog.get_logger(__name__)


class Head(NamedTuple):
    """The newest entry of the chain: its number, counted from 1, and its hash."""

    entries: int
    hash: str


def anchor_path(folder: Path, node: str) -> Path:
    """Return the file of a node's anchor in the folder of state."""
    return folder / f"{node}.audit"


def read_anchor(path: Path | None) -> Head | None:
    """Return the head in a file; None where there is no file or it is not readable."""
    if path is None or not path.exists():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
        return Head(int(found["entries"]), str(found["hash"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.error("audit_anchor_unreadable", path=str(path), error=repr(error))  # noqa: TRY400 - the text says it all
        return None


def write_anchor(path: Path | None, head: Head) -> None:
    """Put a head in the place of the former one. Never raises: a disk that refuses leaves an older head."""
    if path is None:
        return
    draft = path.with_suffix(".audit.new")
    with suppress(OSError):
        draft.write_text(json.dumps(head._asdict()), "utf-8")
        draft.replace(path)
