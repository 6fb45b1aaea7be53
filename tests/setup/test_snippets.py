"""Asterisk's folder gets only what is missing: users, the context, the HTTP server, each with its #include line."""

from pathlib import Path

import pytest

from callguard.setup.changes import Change, make_all
from callguard.setup.conf import FREEPBX, PLAIN
from callguard.setup.snippets import by_hand, snippet_changes

BOTH = {"ari": "pass-a", "ami": "pass-m"}


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "http.conf").write_text("[general]\nenabled = yes\n")
    (tmp_path / "manager.conf").write_text("[general]\nenabled = yes")
    (tmp_path / "ari.conf").write_text("[general]\nenabled = yes\n")
    (tmp_path / "modules.conf").write_text("[modules]\nautoload = yes\n[global]\n")
    return tmp_path


def names(changes: list[Change]) -> list[str]:
    return [change.path.name for change in changes]


def text(changes: list[Change], name: str) -> str:
    return next(change.text for change in changes if change.path.name == name)


def test_what_is_missing_is_added_with_the_passwords(etc: Path) -> None:
    changes = snippet_changes(etc, PLAIN, BOTH, unload=False)
    assert names(changes) == [
        *("extensions_callguard.conf", "extensions.conf"),
        *("ari_callguard.conf", "ari.conf"),
        *("manager_callguard.conf", "manager.conf"),
    ]
    assert "password = pass-a" in text(changes, "ari_callguard.conf")
    assert "secret = pass-m" in text(changes, "manager_callguard.conf")
    assert text(changes, "manager.conf") == "[general]\nenabled = yes\n\n; CallGuard\n#include manager_callguard.conf\n"
    assert not [change for change in changes if "change-this" in change.text]


def test_what_is_there_stays(etc: Path) -> None:
    make_all(snippet_changes(etc, PLAIN, BOTH, unload=True))
    assert {change.kind for change in snippet_changes(etc, PLAIN, BOTH, unload=True)} == {"same"}
    assert (etc / "ari_callguard.conf").stat().st_mode & 0o777 == 0o640


def test_users_who_exist_are_not_added(etc: Path) -> None:
    assert names(snippet_changes(etc, PLAIN, {}, unload=False)) == ["extensions_callguard.conf", "extensions.conf"]


def test_what_is_switched_off_is_switched_on(etc: Path) -> None:
    (etc / "http.conf").write_text("[general]\n;enabled=yes\n")
    (etc / "manager.conf").write_text("[general]\nenabled = no\n")
    changes = snippet_changes(etc, PLAIN, BOTH, unload=False)
    assert "http_callguard.conf" in names(changes)
    assert text(changes, "manager_callguard.conf").startswith("; The manager interface was switched off.\n[general](+)")
    make_all(changes)
    assert {change.kind for change in snippet_changes(etc, PLAIN, BOTH, unload=False)} == {"same"}


def test_native_rtp_is_kept_out_wherever_the_line_stands(etc: Path) -> None:
    changes = snippet_changes(etc, PLAIN, {}, unload=True)
    assert "[modules](+)\nnoload => bridge_native_rtp.so" in text(changes, "modules_callguard.conf")
    assert text(changes, "modules.conf").endswith("[global]\n\n; CallGuard\n#include modules_callguard.conf\n")


def test_freepbx_keeps_its_generated_files(etc: Path) -> None:
    (etc / "extensions_custom.conf").touch()
    changed = names(snippet_changes(etc, FREEPBX, BOTH, unload=False))
    lines = [name for name in changed if not name.endswith("_callguard.conf")]
    assert lines == ["extensions_custom.conf", "ari_additional_custom.conf", "manager_custom.conf"]


def test_by_hand_names_files_lines_and_reloads() -> None:
    lines = by_hand(Path("/x"), ["ari_callguard.conf"])
    assert "/x/*_callguard.conf" in lines[0]
    assert lines[1] == "add to ari.conf (FreePBX: ari_additional_custom.conf):  #include ari_callguard.conf"
    assert "asterisk -rx 'dialplan reload'" in lines
