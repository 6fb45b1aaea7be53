"""No Asterisk is refused unseen: tested, untested, and lacking what is needed are told apart."""

import pytest

from callguard.doctor.versions import TESTED, about


@pytest.mark.parametrize(
    ("version", "level", "words"),
    [
        ("22.10.1", "ok", "tested with 22.10 and 22.11"),
        ("22.11.0-rc2+dfsg+~cs6.17", "ok", "tested with 22.10 and 22.11"),
        ("16.28.0~dfsg-0+deb11u4", "ok", "tested with 16.28"),
        ("18.26.4", "warning", "not tested itself; 16.28 before it and 22.10 and 22.11 after it are"),
        ("certified/20.7-cert1", "warning", "not tested itself"),
        ("21", "warning", "not tested itself"),
        ("23.3.0", "warning", "newer than the newest tested one"),
        ("16.5.1", "error", "has no external media in ARI"),
        ("13.38.3", "error", "has no external media in ARI"),
        ("", "warning", "can't be read"),
        ("GIT", "warning", "can't be read"),
    ],
)
def test_a_version(version: str, level: str, words: str) -> None:
    finding = about(version, "external_media")
    assert (finding.level, words in finding.text) == (level, True), finding
    assert finding.advice or level == "ok" or "can't be read" in finding.text, "each fault has a remedy"


def test_without_audiosocket_the_other_media_path_is_the_remedy() -> None:
    finding = about("16.28.0", "audiosocket")
    assert (finding.level, finding.advice) == ("error", "media.tap: external_media")
    assert about("18.0.0", "audiosocket").level == "warning"


def test_what_is_tested_is_what_the_tool_runs() -> None:
    assert [text.split()[0] for text in TESTED.values()] == ["16.28", "22.10"]
