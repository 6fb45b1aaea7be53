"""A node's journal on local disk: records that must survive this process, written before they are acted on.

The part that decides stages records; the part that acts commits first. All decisions of one round of the event loop
are one transaction, and nothing leaves this process before the disk has it. The format is SQLite in WAL mode: it has
transactions, changes single records, overwrites deleted ones, and any sqlite3 shell can read it.

With `synchronous = NORMAL` the kernel has a commit when it returns. A commit survives the death of this process. A loss
of power costs at most the commits since the last checkpoint and never the file. `python -m benchmarks.journal` prints
the cost of a commit.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

SYSTEM_FOLDER: Final = Path("/var/lib/callguard")
BUSY_S: Final = 0.05
"""Seconds that a commit waits for another program that writes; the event loop waits as long."""
_PRAGMAS: Final = ("journal_mode = WAL", "synchronous = NORMAL", "secure_delete = ON")
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS record (
    kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
_PUT: Final = "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text"
_DELETE: Final = "DELETE FROM record WHERE kind = ? AND key = ?"


def state_folder(given: Path | None) -> Path:
    """Return the folder of state: the configured one, else systemd's, the system's or the user's."""
    if given:
        return given
    if systemd := os.environ.get("STATE_DIRECTORY"):
        return Path(systemd.split(":")[0])
    if os.access(SYSTEM_FOLDER if SYSTEM_FOLDER.exists() else SYSTEM_FOLDER.parent, os.W_OK | os.X_OK):
        return SYSTEM_FOLDER
    home = Path(os.environ.get("HOME", "/"))  # Path.home() raises for a user whom this machine does not know
    return Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "callguard"


def journal_path(given: Path | None, node: str) -> Path:
    """Return the file of a node's journal; `given` is the configured folder."""
    return state_folder(given) / f"{node}.journal"


def unwritable(path: Path) -> str | None:
    """Return why this user can't keep a journal at `path`; None when they can. Creates no file."""
    existing = next(each for each in (path, *path.parents) if each.exists())
    if existing != path and not existing.is_dir():
        return f"{existing} is no folder"
    needed = os.W_OK if existing == path else os.W_OK | os.X_OK
    return None if os.access(existing, needed) else f"{existing} can't be written by this user"


class Journal:
    """Records by kind and key. Never raises: records that the disk refuses stay staged, and `failing` says why.

    Args:
        path: None keeps the records in memory, for tests and tools.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.failing: str | None = None
        self._on_failing: Callable[[str | None], None] = lambda reason: None
        self._staged: dict[tuple[str, str], str | None] = {}
        self._database: sqlite3.Connection | None = None
        self._open()

    def on_failing(self, tell: Callable[[str | None], None]) -> None:
        """Call `tell` with the reason when the disk fails, now or later, and with None when it works again."""
        self._on_failing = tell
        if self.failing is not None:
            tell(self.failing)

    def stage(self, kind: str, key: str, text: str | None) -> None:
        """Note that a record is to be written, or deleted (None), with the next commit."""
        self._staged[kind, key] = text

    def commit(self) -> bool:
        """Write all staged records in one transaction; return whether the disk has all of them."""
        if not self._staged:
            return self.failing is None
        if self._database is None:
            self._open()
        if self._database is None:
            return False
        try:
            self._write(self._database)
        except sqlite3.Error as error:
            self._fail(error)
            return False
        self._staged.clear()
        self._work()
        return True

    def records(self, kind: str) -> dict[str, str]:
        """Return the records of a kind in the order of their keys, staged ones included."""
        found: dict[str, str | None] = {}
        if self._database is not None:
            with suppress(sqlite3.Error):
                rows = self._database.execute("SELECT key, text FROM record WHERE kind = ?", (kind,))
                found = dict(rows.fetchall())
        found |= {key: text for (staged, key), text in self._staged.items() if staged == kind}
        return {key: text for key, text in sorted(found.items()) if text is not None}

    def scrub(self) -> None:
        """Commit, and overwrite deleted records in the write-ahead log."""
        if self.commit() and self._database is not None:
            with suppress(sqlite3.Error):
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._drop()

    def _open(self) -> None:
        try:
            self._database = _connect(self.path)
        except sqlite3.DatabaseError as error:
            if self.path and not isinstance(error, sqlite3.OperationalError):
                self._set_aside(self.path, error)
            self._fail(error)
        except OSError as error:
            self._fail(error)

    def _set_aside(self, path: Path, error: sqlite3.DatabaseError) -> None:
        """Rename a file that is no journal; the next commit creates a new one."""
        damaged = path.with_name(f"{path.name}.damaged-{int(time.time())}")
        log.error("journal_damaged", path=str(path), kept_as=str(damaged), error=str(error))
        with suppress(OSError):
            path.rename(damaged)

    def _write(self, database: sqlite3.Connection) -> None:
        database.execute("BEGIN IMMEDIATE")
        for (kind, key), text in self._staged.items():
            if text is None:
                database.execute(_DELETE, (kind, key))
            else:
                database.execute(_PUT, (kind, key, text))
        database.execute("COMMIT")

    def _fail(self, error: Exception) -> None:
        self._drop()  # a full disk may leave the connection within a transaction
        if self.failing is None:
            self.failing = str(error)
            log.error("journal_fails", path=str(self.path), error=str(error))
            self._on_failing(self.failing)

    def _work(self) -> None:
        if self.failing is not None:
            self.failing = None
            log.info("journal_works", path=str(self.path))
            self._on_failing(None)

    def _drop(self) -> None:
        if self._database is not None:
            with suppress(sqlite3.Error):
                self._database.close()
            self._database = None


def _connect(path: Path | None) -> sqlite3.Connection:
    """Open a journal that only its owner may read; create it if it is missing. Raises sqlite3.Error, OSError."""
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path or ":memory:", timeout=BUSY_S, isolation_level=None)
    try:
        for pragma in _PRAGMAS:
            database.execute(f"PRAGMA {pragma}").fetchall()
        database.execute(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
