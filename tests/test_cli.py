"""`callguard` teaches its commands, and every module of commands is on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callguard import __version__, cli

COMMANDS = [sys.executable, "-m", "callguard"]


def call(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMANDS, *words], capture_output=True, text=True, check=False)


def test_every_module_of_commands_is_registered() -> None:
    assert cli.__file__ is not None
    folder = Path(cli.__file__).parent
    having = {path.stem for path in folder.glob("*.py") if "\ndef register(" in path.read_text("utf-8")}
    assert set(cli.MODULES) == having


def test_help_names_every_command_and_the_exit_codes() -> None:
    done = call("--help")
    assert done.returncode == 0
    for word in ("run", "check", "doctor", "analyze", "simulate", "bench", "watch", "report", "Exit codes: 0 ok"):
        assert word in done.stdout


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(cli.app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"callguard {__version__}\n")


@pytest.mark.parametrize("words", [["nonsense"], ["check", "--nonsense"]])
def test_wrong_usage_is_exit_code_two(words: list[str]) -> None:
    done = call(*words)
    assert done.returncode == 2
    assert "nonsense" in done.stderr


@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("4", "4")])
def test_numpy_is_told_to_use_one_thread_unless_somebody_chose(
    monkeypatch: pytest.MonkeyPatch, given: str | None, expected: str
) -> None:
    monkeypatch.setattr(cli, "app", lambda: None)
    monkeypatch.setattr(cli, "MODULES", ())
    monkeypatch.setenv("OMP_NUM_THREADS", given or "")
    if given is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    cli.main()
    assert os.environ["OMP_NUM_THREADS"] == expected
