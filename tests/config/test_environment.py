"""Commands find the secrets where systemd finds them; what is set already stays."""

import os
from pathlib import Path

import pytest

from callguard.config.environment import parse_environment, set_environment


def test_a_file_is_read_as_systemd_reads_it() -> None:
    text = "# secrets\nA=1\n; no\n\nB = \"two words\"\nC='3'\nD=a=b\nnothing\n=x\n"
    assert parse_environment(text) == {"A": "1", "B": "two words", "C": "3", "D": "a=b"}


def test_what_is_set_already_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SET_ALREADY", "mine")
    monkeypatch.setenv("TEST_SET_NEWLY", "")
    monkeypatch.delenv("TEST_SET_NEWLY")
    file = tmp_path / "secrets.env"
    file.write_text("TEST_SET_ALREADY=other\nTEST_SET_NEWLY=new\n")
    set_environment(file)
    assert os.environ["TEST_SET_ALREADY"] == "mine"
    assert os.environ["TEST_SET_NEWLY"] == "new"


def test_an_absent_or_broken_file_sets_nothing(tmp_path: Path) -> None:
    set_environment(tmp_path / "none")
    broken = tmp_path / "broken"
    broken.write_bytes(b"A=\xff")
    set_environment(broken)
