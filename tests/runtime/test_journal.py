"""The journal keeps what was committed, whatever becomes of the process or the disk."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from callguard.runtime import journal as module
from callguard.runtime.journal import Journal, journal_path, state_folder, unwritable

BIG = "x" * 100_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "n1.journal"


def reopened(path: Path, kind: str = "alert") -> dict[str, str]:
    journal = Journal(path)
    records = journal.records(kind)
    journal.close()
    return records


def test_what_was_committed_is_there_after_a_kill(path: Path) -> None:
    """And what was only staged is not."""
    script = (
        "import os, signal, pathlib; from callguard.runtime.journal import Journal\n"
        f"journal = Journal(pathlib.Path({str(path)!r}))\n"
        "journal.stage('alert', 'a1', 'fired'); journal.commit()\n"
        "journal.stage('alert', 'a2', 'fired'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert reopened(path) == {"a1": "fired"}


def test_one_commit_writes_all_that_was_staged_or_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path)
    monkeypatch.setattr(module, "_DELETE", "DELETE FROM nowhere WHERE kind = ? AND key = ?")
    journal.stage("alert", "a1", "fired")
    journal.stage("alert", "a2", None)
    assert not journal.commit()
    assert reopened(path) == {}
    monkeypatch.undo()
    assert journal.commit()
    assert reopened(path) == {"a1": "fired"}


def test_a_later_record_replaces_and_none_deletes(path: Path) -> None:
    journal = Journal(path)
    for key, text in (("b", "1"), ("a", "2"), ("b", "3"), ("c", "4"), ("c", None)):
        journal.stage("alert", key, text)
        journal.commit()
    journal.stage("event", "a", "5")
    assert list(journal.records("alert").items()) == [("a", "2"), ("b", "3")]
    journal.close()
    assert reopened(path, "event") == {"a": "5"}


def test_a_full_disk_is_told_and_written_to_when_there_is_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str | None] = []
    journal = Journal(path)
    journal.on_failing(told.append)
    connect = module._connect

    def small(given: Path | None) -> sqlite3.Connection:
        database = connect(given)
        database.execute("PRAGMA max_page_count = 4")
        return database

    monkeypatch.setattr(module, "_connect", small)
    journal.close()
    journal.stage("alert", "a1", BIG)
    assert not journal.commit()
    assert journal.records("alert") == {"a1": BIG}, "what the disk did not take is still known"
    assert not journal.commit()
    monkeypatch.setattr(module, "_connect", connect)
    assert journal.commit()
    assert told == ["database or disk is full", None]
    assert reopened(path) == {"a1": BIG}


def test_a_folder_that_cant_be_made_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "n1.journal")
    journal.stage("alert", "a1", "fired")
    assert not journal.commit()
    told: list[str | None] = []
    journal.on_failing(told.append)
    assert told == [journal.failing]
    assert journal.failing is not None
    assert journal.records("alert") == {"a1": "fired"}
    journal.close()


def test_a_file_that_is_no_journal_is_set_aside(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)
    journal = Journal(path)
    journal.stage("alert", "a1", "fired")
    assert journal.commit()
    journal.close()
    assert reopened(path) == {"a1": "fired"}
    (kept,) = path.parent.glob("*.damaged-*")
    assert kept.read_bytes().startswith(b"no database")


def test_nothing_of_a_deleted_record_is_left_on_the_disk(path: Path) -> None:
    journal = Journal(path)
    journal.stage("alert", "a1", "a voice that rose " * 500)
    journal.commit()
    assert any(b"a voice" in file.read_bytes() for file in path.parent.iterdir())
    journal.stage("alert", "a1", None)
    journal.scrub()
    assert not any(b"a voice" in file.read_bytes() for file in path.parent.iterdir())
    journal.close()


def test_nobody_else_may_read_it(path: Path) -> None:
    Journal(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_another_program_that_writes_costs_a_moment_and_no_record(path: Path) -> None:
    journal = Journal(path)
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO record VALUES ('alert', 'theirs', '')")
        journal.stage("alert", "a1", "fired")
        assert not journal.commit()
    other.close()
    assert journal.commit()
    assert set(reopened(path)) == {"a1", "theirs"}


def test_the_folder_is_the_configured_one_else_systemds_else_the_systems_else_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'systemd'}:/other")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    assert state_folder(tmp_path / "given") == tmp_path / "given"
    assert journal_path(None, "n1") == tmp_path / "systemd" / "n1.journal"
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setattr(module, "SYSTEM_FOLDER", tmp_path / "system")
    assert state_folder(None) == tmp_path / "system"
    monkeypatch.setattr(module, "SYSTEM_FOLDER", tmp_path / "missing" / "system")
    assert state_folder(None) == tmp_path / "home" / "callguard"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME")
    assert state_folder(None) == Path("/.local/state/callguard"), "a user whom this machine does not know"


def test_whether_a_journal_can_be_kept_is_said_and_nothing_is_made(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unwritable(path) is None
    assert not path.parent.exists()
    (tmp_path / "file").write_text("")
    assert unwritable(tmp_path / "file" / "n1.journal") == f"{tmp_path / 'file'} is no folder"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert unwritable(path) == f"{tmp_path} can't be written by this user"
