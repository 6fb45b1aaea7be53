"""A real Asterisk on demand."""

import os
import shutil
from pathlib import Path

import pytest

from callguard.testbed.lab import root
from callguard.testbed.lab.root import AsteriskUnavailable, asterisk, cache_folder


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{text}'\n")
    (folder / name).chmod(0o755)


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CALLGUARD_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("CALLGUARD_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "callguard"


@pytest.mark.parametrize("version", ["Asterisk 20.9.2", "Asterisk 18.10.0~dfsg", "no version at all"])
def test_an_old_asterisk_on_path_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str) -> None:
    program(tmp_path / "bin", "asterisk", version)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(AsteriskUnavailable, match="no Asterisk >= 22 on PATH and no apt-get"):
        asterisk()


@pytest.mark.parametrize(
    ("text", "major"),
    [("Asterisk 22.10.1+dfsg", 22), ("Asterisk certified/20.7-cert1", 20), ("Asterisk certified-18.9", 18), ("", 0)],
)
def test_versions_are_read(text: str, major: int) -> None:
    assert root._major(text) == major


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt-get")
def test_without_a_network_one_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = [folder for folder in os.environ["PATH"].split(":") if not (Path(folder) / "asterisk").exists()]
    monkeypatch.setenv("PATH", ":".join(path))
    monkeypatch.setenv("CALLGUARD_CACHE", str(tmp_path))
    monkeypatch.setattr(root, "_mirrors", lambda: ["http://127.0.0.1:9/debian"])
    with pytest.raises(AsteriskUnavailable) as caught:
        asterisk()
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("no Asterisk >= 22 on PATH and none can be fetched: ")
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == []


def test_a_cache_that_cannot_be_written_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CALLGUARD_CACHE", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(root, "_on_path", lambda: None)
    with pytest.raises(AsteriskUnavailable, match="can't be written"):
        asterisk()


def test_absolute_links_are_led_into_the_root(tmp_path: Path) -> None:
    sounds = tmp_path / "usr/share/asterisk/sounds"
    (sounds / "en_US_f_Allison").mkdir(parents=True)
    target = tmp_path / "var/lib/asterisk/sounds/custom"
    target.mkdir(parents=True)
    (sounds / "recordings").symlink_to("/var/lib/asterisk/sounds/custom")
    root._relink(tmp_path)
    assert (sounds / "recordings").resolve() == target
    assert (sounds / "en").resolve() == sounds / "en_US_f_Allison"


def test_a_named_suite_wins_over_the_asterisk_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path / "bin", "asterisk", "Asterisk 22.10.1")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("CALLGUARD_ASTERISK", "bullseye")
    with pytest.raises(AsteriskUnavailable, match="no apt-get to fetch one with"):
        asterisk()


def test_a_suite_of_some_packages_gets_its_others_from_its_base(tmp_path: Path) -> None:
    root._apt_state(tmp_path, "http://mirror/debian", "experimental")
    suites = [line.split()[-2] for line in (tmp_path / "sources.list").read_text().splitlines()]
    assert suites == ["experimental", "sid"]
    assert 'APT::Default-Release "experimental";' in (tmp_path / "apt.conf").read_text()


def unpacked(folder: Path, modules: str, *names: str) -> Path:
    """Make a root as packages unpack it; its Asterisk says 16.28."""
    for name in ("res_ari.so", "chan_pjsip.so", "app_queue.so", *names):
        (folder / modules).mkdir(parents=True, exist_ok=True)
        (folder / modules / name).touch()
    loader = folder / "lib/x86_64-linux-gnu"
    loader.mkdir(parents=True)
    program(loader, "ld-linux-x86-64.so.2", "Asterisk 16.28.0")
    return folder


def test_a_root_with_old_folders_is_found_and_told_from_one_that_is_too_old(tmp_path: Path) -> None:
    found = root._inside(unpacked(tmp_path, "usr/lib/asterisk/modules"), 16)
    assert (found.version, found.tap) == (16, "external_media")
    assert "lib/x86_64-linux-gnu:" in found.command[2]
    with pytest.raises(AsteriskUnavailable, match="older than 22"):
        root._inside(tmp_path, 22)


def test_the_media_path_is_what_the_modules_allow(tmp_path: Path) -> None:
    folder = unpacked(tmp_path, "usr/lib/x86_64-linux-gnu/asterisk/modules", "app_audiosocket.so")
    assert root._inside(folder, 16).tap == "audiosocket"
