"""What the service has to do with the machine it runs on: systemd's notifications and the pid file."""

import os
import signal
import socket
from pathlib import Path
from typing import Final

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


def watchdog_interval_s() -> float | None:
    """Return how often to feed systemd's watchdog, in seconds; None where there is none."""
    limit = os.environ.get("WATCHDOG_USEC", "")
    return int(limit) / 1e6 / WATCHDOG_SHARE if limit.isdigit() else None


def pid_file(node: str) -> Path:
    """Return where the service of a node writes its process id."""
    folder = os.environ.get("RUNTIME_DIRECTORY") or os.environ.get("XDG_RUNTIME_DIR") or "/run"
    return Path(folder) / f"callguard-{node}.pid"


def ask_to_reload(node: str) -> int:
    """Send SIGHUP to the running service of a node and return its pid; raise OSError or ValueError when none runs."""
    pid = int(pid_file(node).read_text("ascii"))
    os.kill(pid, signal.SIGHUP)
    return pid
