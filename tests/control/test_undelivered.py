"""At the end it is said what waits, how much of it and where; or that it is lost."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callguard.control.undelivered import tell_undelivered
from callguard.runtime.journal import Journal


def told(journal: Journal) -> list[dict[str, object]]:
    with capture_logs() as said:
        tell_undelivered(journal)
    return [dict(line) for line in said if line["event"].startswith("undelivered")]


def fill(journal: Journal) -> None:
    for kind, key in (
        ("event", "1"),
        ("event", "2"),
        ("audit", "3"),
        ("erasure", "c1"),
        *(("owed", f"webhook:chat|{number}") for number in range(3)),
        ("owed", "email:floor|4"),
        ("alerts", "alert|a1"),
        ("taken", "webhook:chat|a1"),
    ):
        journal.stage(kind, key, "")


def test_what_waits_is_counted_by_kind_and_receiver(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "n1.journal")
    fill(journal)
    (line,) = told(journal)
    assert line == {
        "event": "undelivered",
        "log_level": "warning",
        "events": 2,
        "audit_entries": 1,
        "messages": {"webhook:chat": 3, "email:floor": 1},
        "deletions": 1,
        "kept_in": str(tmp_path / "n1.journal"),
        "goes_out": "at the next start",
    }


def test_nothing_is_said_where_nothing_waits(tmp_path: Path) -> None:
    assert told(Journal(tmp_path / "n1.journal")) == []


def test_what_the_disk_does_not_take_is_said_to_be_lost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "n1.journal")
    fill(journal)
    (line,) = told(journal)
    assert (line["event"], line["log_level"], line["events"]) == ("undelivered_lost", "error", 2)
    assert line["why"]


@pytest.mark.parametrize("kind", ["alerts", "taken"])
def test_what_is_only_remembered_is_not_undelivered(kind: str) -> None:
    journal = Journal(None)
    journal.stage(kind, "x|y", "")
    assert told(journal) == []
