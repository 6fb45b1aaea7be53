"""systemd is told when it listens, and a service can be asked to reload."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callguard.runtime import systemd as host
from callguard.runtime.systemd import ask_to_reload, notify, pid_file, watchdog_interval_s


def sleeping(name: str) -> "subprocess.Popen[bytes]":
    """A process that has `name` on its command line; the kernel shows it there a moment after the start."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", name])
    while name.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
        time.sleep(0.001)
    return process


@pytest.fixture(autouse=True)
def hangups_count() -> Iterator[None]:
    """Whoever runs the tests under nohup would have every child ignore the signal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_notified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, abstract: bool) -> None:
    address = f"\0callguard-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address.replace("\0", "@"))
        notify("READY=1")
        assert server.recv(100) == b"READY=1"


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    notify("READY=1")
    assert watchdog_interval_s() is None


def test_the_watchdog_is_fed_thrice_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert watchdog_interval_s() == 10


def test_a_running_service_gets_a_hangup_signal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with sleeping("callguard") as process:
        pid_file("n1").write_text(str(process.pid))
        assert ask_to_reload("n1") == process.pid
        assert process.wait(10) == -signal.SIGHUP


def test_a_service_of_systemd_is_found_from_a_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(host, "SYSTEMD_FOLDER", tmp_path)
    with sleeping("callguard") as process:
        (tmp_path / "callguard-n1.pid").write_text(str(process.pid))
        assert ask_to_reload("n1") == process.pid
        process.wait(10)


def test_a_file_that_a_crash_left_hangs_up_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with sleeping("somebody else") as process:
        pid_file("n1").write_text(str(process.pid))
        with pytest.raises(ProcessLookupError, match="no service of ours"):
            ask_to_reload("n1")
        assert process.poll() is None
        process.kill()


def test_without_a_service_the_error_names_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"callguard-n1\.pid"):
        ask_to_reload("n1")
