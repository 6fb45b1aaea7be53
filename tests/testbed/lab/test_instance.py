"""An Asterisk of the lab starts, says why it does not, and ends: by itself, at once, and by its own pid."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callguard.testbed.lab import instance as module
from callguard.testbed.lab.instance import Instance, Login
from callguard.testbed.lab.ports import Ports
from callguard.testbed.lab.root import AsteriskUnavailable
from tests.testbed.lab.fake import installation


def made(folder: Path, how: str = "works") -> Instance:
    files = {"extensions.conf": "[ours]\n", "http.conf": "; added\n"}
    return Instance("pbx", installation(folder, how), folder / "pbx", Ports.free(), files)


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Instance]:
    instance = made(tmp_path)
    await instance.start()
    yield instance
    await instance.kill()


async def test_it_starts_once_ari_answers_and_ends_when_asked(running: Instance) -> None:
    assert running.running
    assert Path(f"/proc/{running.pid}").exists()
    assert "console says hello" in (running.folder / "console").read_text()
    await running.stop()
    assert not running.running
    await running.stop()
    await running.kill()


async def test_a_restart_is_another_process_at_the_same_address(running: Instance) -> None:
    before, url = running.pid, running.ari_url
    await running.restart()
    assert running.running
    assert running.pid != before
    assert running.ari_url == url


async def test_one_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_TIMEOUT_S", 0.2)
    instance = made(tmp_path, "stubborn")
    await instance.start()
    await instance.stop()
    assert not instance.running


async def test_one_that_fails_says_its_last_error(tmp_path: Path) -> None:
    with pytest.raises(AsteriskUnavailable, match="pbx ended while starting: ERROR: no module"):
        await made(tmp_path, "fails").start()


async def test_one_that_never_answers_is_killed_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BOOT_TIMEOUT_S", 1.0)
    monkeypatch.setattr(module, "_ready", lambda *_: asyncio.sleep(0, result=False))
    instance = made(tmp_path)
    with pytest.raises(AsteriskUnavailable, match="pbx did not start: console says hello"):
        await instance.start()
    assert not instance.running


async def test_it_dies_with_whoever_started_it(tmp_path: Path) -> None:
    instance = made(tmp_path)
    child = os.fork()
    if child == 0:  # a parent that dies at once, with its process running
        loop = asyncio.new_event_loop()
        loop.run_until_complete(instance.start())
        (tmp_path / "pid").write_text(str(instance.pid))
        os._exit(0)
    await asyncio.to_thread(os.waitpid, child, 0)
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it outlived its parent")


def test_its_files_are_added_to_the_common_ones_and_kept_from_others(tmp_path: Path) -> None:
    instance = made(tmp_path)
    http = instance.folder / "etc" / "http.conf"
    assert "bindport" in http.read_text()
    assert http.read_text().endswith("; added\n")
    assert (instance.folder / "etc" / "extensions.conf").read_text().endswith("[ours]\n")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (instance.folder / "etc").iterdir())
    assert instance.admin.secret in (instance.folder / "etc" / "ari.conf").read_text()
    assert instance.recordings.is_dir()
    instance.remove()
    assert not instance.folder.exists()


def test_without_a_process_there_is_no_pid(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="pbx does not run"):
        _ = made(tmp_path).pid


def test_a_login_has_a_secret_of_its_own_that_is_not_shown() -> None:
    one, two = Login("ann"), Login("ann")
    assert one.secret != two.secret
    assert one.secret not in repr(one)
    assert one.headers["Authorization"].startswith("Basic ")
