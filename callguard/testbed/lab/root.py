"""Provide a real Asterisk: the one on PATH if it is recent enough, else one in a private root.

The private root consists of Debian packages unpacked into a cache folder. apt works on a separate state, so neither
the machine's packages nor its apt lists change. No privilege is needed: apt-get, dpkg and a mirror suffice.

CALLGUARD_ASTERISK names another suite whose Asterisk is to be used, such as bullseye (16.28).
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

WANTED: Final = 22
"""Oldest major version that the lab accepts where no suite is named."""
OLDEST: Final = 16
"""Oldest major version of a suite that is named."""
MODULES: Final = ("res_ari.so", "chan_pjsip.so", "app_queue.so")
PACKAGES: Final = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en")
SUITES: Final = {"debian": "forky", "ubuntu": "resolute"}
"""Oldest suite of each distribution that has Asterisk 22 or newer."""
BASES: Final = {"experimental": "sid"}
"""Suites that hold only some packages, and the suite that holds the others."""
STEP_TIMEOUT_S: Final = 600


class AsteriskUnavailable(Exception):  # noqa: N818 -- a state of the machine, not a fault
    """No recent Asterisk is installed and none can be fetched; the message gives the reason in one line."""


@dataclass(frozen=True)
class Installation:
    """A runnable Asterisk: its start command, its modules and its data (sounds, XML documents)."""

    command: tuple[str, ...]
    modules: Path
    data: Path

    @property
    def version(self) -> int:
        """Return the major version; 0 where the program can't be run."""
        return _major(f"Asterisk {self.version_text}")

    @property
    def version_text(self) -> str:
        """Return the version without its packaging, such as 22.10.1; an empty text where the program can't be run."""
        found = re.search(r"Asterisk ([^\s+~]+)", _output([*self.command, "-V"]))
        return found[1] if found else ""

    @property
    def tap(self) -> Literal["audiosocket", "external_media"]:
        """Return the cheapest media path that this Asterisk has: AudioSocket came with Asterisk 18."""
        return "audiosocket" if (self.modules / "app_audiosocket.so").exists() else "external_media"


def asterisk() -> Installation:
    """Return an Asterisk 22 or newer, or that of CALLGUARD_ASTERISK; build its root the first time (10-20 s, 250 MB).

    Raises AsteriskUnavailable where there is none.
    """
    named = os.environ.get("CALLGUARD_ASTERISK")
    return _private(named, OLDEST) if named else usual()


def usual() -> Installation:
    """Return an Asterisk 22 or newer, whatever CALLGUARD_ASTERISK says. Raises AsteriskUnavailable."""
    return _on_path() or _private(_suite(), WANTED)


def cache_folder() -> Path:
    """Return the folder for built files: $CALLGUARD_CACHE, else ~/.cache/callguard."""
    return Path(os.environ.get("CALLGUARD_CACHE") or Path.home() / ".cache" / "callguard")


def _on_path() -> Installation | None:
    program = shutil.which("asterisk")
    if not program or _major(_output([program, "-V"])) < WANTED:
        return None
    found = [Path(path).parent for path in _module_files("res_ari.so")]
    modules = next((folder for folder in found if all((folder / name).exists() for name in MODULES)), None)
    data = next((path for path in _DATA_FOLDERS if (path / "documentation").is_dir()), None)
    return Installation((program,), modules, data) if modules and data else None


_DATA_FOLDERS: Final = (Path("/usr/share/asterisk"), Path("/var/lib/asterisk"))


def _module_files(name: str) -> Iterator[Path]:
    for pattern in ("lib/*/asterisk/modules", "lib/asterisk/modules", "lib64/asterisk/modules"):
        yield from Path("/usr").glob(f"{pattern}/{name}")


def _major(version: str) -> int:
    found = re.search(r"Asterisk (?:certified[-/])?(\d+)", version)
    return int(found.group(1)) if found else 0


def _output(command: list[str]) -> str:
    """Return the output of a command; an empty text where it can't be run or fails."""
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _private(suite: str, oldest: int) -> Installation:
    _need_tools()
    folder = cache_folder() / f"asterisk-{suite}"
    with _locked(cache_folder() / f"asterisk-{suite}.lock"):
        if not folder.is_dir():
            _build(suite, folder, oldest)
    return _inside(folder, oldest)


def _need_tools() -> None:
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise AsteriskUnavailable(f"no Asterisk >= {WANTED} on PATH and no {tool} to fetch one with")


def _suite() -> str:
    _need_tools()
    release = Path("/etc/os-release").read_text("utf-8") if Path("/etc/os-release").exists() else ""
    names = re.findall(r"^(?:ID|ID_LIKE)=\"?([a-z ]+)", release, re.MULTILINE)
    known = [SUITES[word] for line in names for word in line.split() if word in SUITES]
    if not known:
        raise AsteriskUnavailable(f"no Asterisk >= {WANTED} on PATH; packages are known for {', '.join(SUITES)} only")
    return known[0]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file lock: a second builder waits and then finds the finished root."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise AsteriskUnavailable(f"{error.filename or path} can't be written: {error.strerror}") from error


def _build(suite: str, folder: Path, oldest: int) -> None:
    with tempfile.TemporaryDirectory(prefix="asterisk-build-", dir=folder.parent) as scratch:
        work = Path(scratch)
        for package in _download(suite, work):
            _run(["dpkg", "-x", str(package), str(work / "root")])
        _relink(work / "root")
        _inside(work / "root", oldest)
        (work / "root").rename(folder)
    _say(f"ready in {folder}")


def _download(suite: str, work: Path) -> list[Path]:
    """Fetch the packages and their dependencies from the first of the machine's mirrors that has them."""
    mirrors = _mirrors()
    problem = "apt knows no mirror"
    for mirror in mirrors:
        environment = _apt_state(work, mirror, suite)
        _say(f"fetching Asterisk from suite {suite}")
        try:
            _run(["apt-get", "-qq", "update"], environment)
            _run(["apt-get", "-qq", "-y", "--download-only", "install", *PACKAGES], environment)
        except AsteriskUnavailable as error:
            problem = str(error)
            continue
        return sorted((work / "cache" / "archives").glob("*.deb"))
    raise AsteriskUnavailable(f"no Asterisk >= {WANTED} on PATH and none can be fetched: {problem}")


def _mirrors() -> list[str]:
    """The package mirrors that this machine's own apt is configured with, security archives left out.

    A machine whose package lists were never fetched, such as a container, has release files of none of them.
    """
    wanted = ("--no-release-info", "--format", "$(REPO_URI)", "Created-By: Packages")
    lines = _output(["apt-get", "indextargets", *wanted]).split()
    return [uri for uri in dict.fromkeys(lines) if "security" not in uri]


def _apt_state(work: Path, mirror: str, suite: str) -> dict[str, str]:
    """Write an apt configuration whose every folder lies in `work`; return the environment that selects it.

    A development suite may stand still for longer than its Release file is valid, so its date is not checked; its
    signature is.
    """
    for part in ("lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True, exist_ok=True)
    (work / "status").touch()
    keyrings = [f"/usr/share/keyrings/{name}-archive-keyring.gpg" for name in SUITES]
    signed = ",".join(path for path in keyrings if Path(path).exists())
    option = f"[signed-by={signed}] " if signed else ""
    components = "main universe" if suite == SUITES["ubuntu"] else "main"
    suites = [suite, BASES[suite]] if suite in BASES else [suite]
    lines = [f"deb {option}{mirror} {each} {components}\n" for each in suites]
    (work / "sources.list").write_text("".join(lines))
    (work / "apt.conf").write_text(_APT_CONF.format(work=work, suite=suite))
    return {**os.environ, "APT_CONFIG": str(work / "apt.conf"), "LC_ALL": "C"}


_APT_CONF: Final = """\
Dir::State "{work}";
Dir::State::lists "{work}/lists";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
Dir::Etc::sourcelist "{work}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
Dir::Log "{work}";
APT::Default-Release "{suite}";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "1";
Debug::NoLocking "1";
APT::Sandbox::User "";
APT::Install-Recommends "false";
"""


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    try:
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=STEP_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or [f"exit {error.returncode}"])[-1]
        raise AsteriskUnavailable(f"{' '.join(command[:3])}: {last}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AsteriskUnavailable(f"{' '.join(command[:3])}: {error}") from error


def _relink(root: Path) -> None:
    """Redirect absolute links in Asterisk's data into the root, and make the English sounds the default.

    Without sounds/en Asterisk plays nothing, and an attended transfer is aborted.
    """
    for link in (root / "usr/share/asterisk").rglob("*"):
        if link.is_symlink() and (target := link.readlink()).is_absolute():
            link.unlink()
            link.symlink_to(os.path.relpath(root / target.relative_to("/"), link.parent))
    english = root / "usr/share/asterisk/sounds/en"
    if not english.exists():
        english.symlink_to("en_US_f_Allison")


def _inside(root: Path, oldest: int) -> Installation:
    """Return the Asterisk inside a root; it runs with the root's own loader and libraries, never the machine's."""
    loaders = (path for folder in ("usr/lib*", "lib") for path in root.glob(f"{folder}/**/ld-linux*.so.*"))
    loader = next(loaders, None)
    places = ("usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules")
    modules = next((path.parent for place in places for path in root.glob(f"{place}/res_ari.so")), None)
    if not loader or not modules:
        raise AsteriskUnavailable(f"{root} holds no usable Asterisk; remove it and try again")
    libraries = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*"), root / "usr/lib"]
    paths = ":".join(map(str, libraries))
    command = (str(loader), "--library-path", paths, str(root / "usr/sbin/asterisk"))
    missing = [name for name in MODULES if not (modules / name).exists()]
    if missing or _major(_output([*command, "-V"])) < oldest:
        raise AsteriskUnavailable(f"the Asterisk in {root} is older than {oldest} or lacks {' '.join(missing)}")
    return Installation(command, modules, root / "usr/share/asterisk")


def _say(text: str) -> None:
    sys.stderr.write(f"asterisk: {text}\n")
