"""Asterisk's files are read with their includes; FreePBX is known by the files that it generates."""

from pathlib import Path

import pytest

from callguard.setup.conf import FREEPBX, PLAIN, includes, layout_of, setting


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "http.conf").write_text("; bindport=1\n[general]\nbindport = 8088 ; usual\n#include more/*.conf\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.conf").write_text("enabled=>yes\nbindport=8089\n[other]\nenabled = no\n")
    return tmp_path


def test_the_last_setting_of_a_section_counts_with_includes(etc: Path) -> None:
    assert setting(etc, "http.conf", "general", "bindport") == "8089"
    assert setting(etc, "http.conf", "general", "enabled") == "yes"
    assert setting(etc, "http.conf", "general", "prefix") is None
    assert setting(etc, "http.conf", "general", "enabled", but="a.conf") is None
    assert setting(etc, "none.conf", "general", "enabled") is None


def test_a_file_that_includes_itself_ends(etc: Path) -> None:
    (etc / "loop.conf").write_text("[general]\na = 1\n#include loop.conf\n")
    assert setting(etc, "loop.conf", "general", "a") == "1"


@pytest.mark.parametrize(
    "line", ["#include x_callguard.conf", '#tryinclude "x_callguard.conf"', "#include /e/x_callguard.conf"]
)
def test_an_include_is_found_in_every_form(line: str) -> None:
    assert includes(f"[general]\n{line}\n", "x_callguard.conf")
    assert not includes(f";{line}\n", "x_callguard.conf")


def test_freepbx_is_known_by_its_files(etc: Path) -> None:
    assert layout_of(etc) is PLAIN
    (etc / "extensions_additional.conf").touch()
    assert layout_of(etc) is FREEPBX
    assert FREEPBX.targets.keys() == PLAIN.targets.keys()
