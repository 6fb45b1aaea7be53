"""The service on its machine: systemd's notifications and the pid file."""

import asyncio
import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

SYSTEMD_FOLDER: Final = Path("/run/callguard")
"""Folder of the unit's RuntimeDirectory; a shell has no variable that names it."""
WATCHDOG_SHARE: Final = 3
"""The watchdog is fed this many times within its limit."""


def notify(state: str) -> None:
    """Tell systemd (`Type=notify`) a state such as READY=1; without systemd, nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(state.encode())


async def feed_watchdog() -> None:
    """Tell systemd that the service is ready, then feed its watchdog for ever."""
    interval = watchdog_interval_s()
    notify("READY=1")
    while interval:
        await asyncio.sleep(interval)
        notify("WATCHDOG=1")
    await asyncio.Event().wait()


def watchdog_interval_s() -> float | None:
    """Return how often to feed systemd's watchdog, in seconds; None where there is none."""
    limit = os.environ.get("WATCHDOG_USEC", "")
    return int(limit) / 1e6 / WATCHDOG_SHARE if limit.isdigit() else None


def pid_file(node: str) -> Path:
    """Return where the service of a node writes its process id."""
    folder = os.environ.get("RUNTIME_DIRECTORY") or os.environ.get("XDG_RUNTIME_DIR") or "/run"
    return Path(folder) / _pid_name(node)


def running_pid_file(node: str) -> Path:
    """Return the pid file of a running node, started from a shell or by systemd."""
    candidates = (pid_file(node), SYSTEMD_FOLDER / _pid_name(node))
    return next((path for path in candidates if path.exists()), candidates[0])


def ask_to_reload(node: str) -> int:
    """Send SIGHUP to the running service of a node and return its pid; raise OSError or ValueError when none runs."""
    found = running_pid_file(node)
    pid = int(found.read_text("ascii"))
    if not _is_callguard(pid):
        raise ProcessLookupError(f"{found} names process {pid}, which is no service of ours")
    os.kill(pid, signal.SIGHUP)
    return pid


def _pid_name(node: str) -> str:
    return f"callguard-{node}.pid"


def _is_callguard(pid: int) -> bool:
    """Return whether a process was started as CallGuard: after a crash the pid file may name any process."""
    with suppress(OSError):
        return b"callguard" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
