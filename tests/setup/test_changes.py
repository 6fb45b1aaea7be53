"""Files are changed with a word and a copy, never silently, and a secret is never readable for others."""

from pathlib import Path

import pytest

from callguard.config import ConfigError
from callguard.setup.changes import COPY, Change, described, make_all, permit
from tests.setup.people import Person, unasked


def test_a_change_says_its_effect(tmp_path: Path) -> None:
    file = tmp_path / "f"
    assert Change(file, "a").kind == "new"
    file.write_text("a")
    kinds = [Change(file, "a").kind, Change(file, "b").kind, Change(file, "ab", appends=True).kind]
    assert kinds == ["same", "replace", "append"]
    assert described([Change(file, "b", 0o600)]) == [f"REPLACE      {file} (mode 0600)"]


def test_a_changed_file_is_copied_first_and_keeps_its_first_copy(tmp_path: Path) -> None:
    file = tmp_path / "ari.conf"
    file.write_text("old\n")
    file.chmod(0o640)
    make_all([Change(file, "old\nnew\n", appends=True)])
    make_all([Change(file, "newest\n", appends=True)])
    assert file.read_text() == "newest\n"
    assert file.with_name(f"ari.conf{COPY}").read_text() == "old\n"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_secret_is_private_also_where_the_file_was_open(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "secrets.env"
    make_all([Change(file, "A=1\n", 0o600)])
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    make_all([Change(file, "A=1\nB=2\n", 0o600, appends=True)])
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_nothing_is_replaced_unless_somebody_says_so(tmp_path: Path) -> None:
    file = tmp_path / "callguard.yaml"
    file.write_text("mine")
    changes = [Change(file, "theirs")]
    with pytest.raises(ConfigError, match="--overwrite"):
        permit(unasked(), changes, overwrite=False)
    with pytest.raises(ConfigError, match="--overwrite"):
        permit(Person().interview(), changes, overwrite=False)
    permit(Person(Replace="yes").interview(), changes, overwrite=False)
    permit(unasked(), changes, overwrite=True)
    permit(unasked(), [Change(file, "mine too", appends=True)], overwrite=False)


def test_a_file_that_can_t_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file/x: can't be written"):
        make_all([Change(tmp_path / "file" / "x", "")])
