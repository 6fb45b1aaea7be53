"""Runs a program where nothing but loopback can be reached, and tells what it tried beyond its own folders."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_CALLS: Final = "connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat"
_TRACED: Final = ("strace", "-f", "-y", "--seccomp-bpf", "-s", "0", "-e", f"trace={_CALLS}", "-e", "signal=none")
_NO_NETWORK: Final = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
_FAMILY: Final = re.compile(r"sa_family=(AF_\w+)")
_ADDRESS: Final = re.compile(r'inet_(?:addr\("|pton\(AF_INET6, ")([^"]+)"')
_DNS: Final = "htons(53)"
_SOCKET_FILE: Final = re.compile(r'sun_path="([^"]*)"')
_MAKES: Final = re.compile(r"(creat|mkdir(at)?)\(|open(at)?\(.*\bO_(WRONLY|RDWR|CREAT)")
_PATH: Final = re.compile(r'(?:<([^>]*)>, )?"([^"]*)"')
_DEVICES: Final = ("/dev/null", "/dev/tty", "/dev/pts/")


@dataclass(frozen=True, slots=True)
class Isolated:
    """What came of a program.

    Attributes:
        strays: system calls that looked a name up, went to another machine or wrote outside the program's folder.
        left: files and folders in its home folder and among its temporary files.
    """

    code: int
    out: str
    err: str
    strays: list[str]
    left: list[str]


def why_not() -> str | None:
    """Return why programs can't be traced here, None where they can."""
    try:
        ran = subprocess.run([*_TRACED, "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "strace is not installed"
    return None if ran.returncode == 0 else f"strace can't trace here: {ran.stderr.strip()[-200:]}"


def run_isolated(folder: Path, *command: str, timeout_s: float = 120) -> Isolated:
    """Run a command of this virtual environment with a new home, new temporary files and folders as systemd gives them.

    Args:
        folder: where the program runs and may write; its `home` may not be written to.
        command: a name in the virtual environment's `bin`, and its arguments.
        timeout_s: seconds after which it is killed and TimeoutExpired raised.
    """
    home, temporary, trace = folder / "home", folder / "tmp", folder / "trace"
    home.mkdir()
    temporary.mkdir()
    program = Path(sys.executable).with_name(command[0])
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "TMPDIR": str(temporary),
        "RUNTIME_DIRECTORY": str(folder),
        "STATE_DIRECTORY": str(folder),
    }
    ran = subprocess.run(
        [*_without_network(), *_TRACED, "-o", str(trace), str(program), *command[1:]],
        cwd=folder, env=given, capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip
    strays = list(strays_in(trace.read_text("utf-8", "replace"), folder))
    left = sorted(str(path) for made in (home, temporary) for path in made.rglob("*"))
    return Isolated(ran.returncode, ran.stdout, ran.stderr, strays, left)


def _without_network() -> tuple[str, ...]:
    """Return the words that take the network away; none where this machine does not let us: the trace still tells."""
    tried = subprocess.run([*_NO_NETWORK, "true"], capture_output=True, check=False)
    return _NO_NETWORK if tried.returncode == 0 else ()


def strays_in(trace: str, folder: Path) -> Iterator[str]:
    """Yield the calls in a trace by strace that look a name up, leave this machine or write outside a folder."""
    for line in trace.splitlines():
        call = line.partition(" ")[2].lstrip()
        if _speaks_out(call, folder) or _writes_out(call, folder):
            yield call


def _speaks_out(call: str, folder: Path) -> bool:
    family, address, socket_file = _FAMILY.search(call), _ADDRESS.search(call), _SOCKET_FILE.search(call)
    if socket_file:  # of a name service, for instance
        return not (folder / socket_file[1]).is_relative_to(folder)
    if address:
        return _DNS in call or not address[1].startswith(("127.", "::1"))
    return family is not None and family[1] in ("AF_INET", "AF_INET6")


def _writes_out(call: str, folder: Path) -> bool:
    path = _PATH.search(call) if _MAKES.match(call) else None
    if path is None or path[2].startswith(_DEVICES):
        return False
    target = (Path(path[1] or folder) / path[2]).resolve()
    return not target.is_relative_to(folder) or target.is_relative_to(folder / "home")
