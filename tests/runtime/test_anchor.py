"""The head of the audit chain outlives the process; a file that can't be read is told, not guessed."""

from pathlib import Path

from structlog.testing import capture_logs

from callguard.runtime.anchor import Head, anchor_path, read_anchor, write_anchor

HEAD = Head(7, "a" * 64)


def test_the_newest_head_takes_the_place_of_the_former_one(tmp_path: Path) -> None:
    path = anchor_path(tmp_path, "n1")
    assert read_anchor(path) is None
    for head in (Head(6, "b" * 64), HEAD):
        write_anchor(path, head)
    assert read_anchor(path) == HEAD
    assert [file.name for file in tmp_path.iterdir()] == ["n1.audit"]


def test_a_disk_that_refuses_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    write_anchor(anchor_path(tmp_path / "file", "n1"), HEAD)
    write_anchor(None, HEAD)
    assert read_anchor(None) is None


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    path = anchor_path(tmp_path, "n1")
    for text in ("", "[]", "{}", '{"entries": "x", "hash": ""}'):
        path.write_text(text)
        with capture_logs() as logs:
            assert read_anchor(path) is None
        assert [entry["event"] for entry in logs] == ["audit_anchor_unreadable"]
