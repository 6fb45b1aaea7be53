"""Asterisk's console is asked by a command; a failure is told with the command and the last words."""

import sys
from pathlib import Path

import pytest

from callguard.setup import console
from callguard.setup.console import RELOADS, ConsoleError, on_console, reload_all, sounds_folder


@pytest.fixture
def command(tmp_path: Path) -> str:
    """A program that stands for Asterisk: it notes what it is asked."""
    script = tmp_path / "asterisk.py"
    script.write_text(
        "import pathlib, sys, time\n"
        f"with pathlib.Path({str(tmp_path / 'asked')!r}).open('a') as notes: notes.write(sys.argv[2] + '\\n')\n"
        "if sys.argv[2] == 'sleep': time.sleep(60)\n"
        "if sys.argv[2] == 'fail': print('Asterisk', flush=True); sys.exit('Unable to connect to remote asterisk')\n"
        "print('  Config directory: /etc/asterisk\\n  Data directory:     /var/lib/asterisk')\n"
    )
    return f"{sys.executable} {script}"


async def test_all_that_init_changed_is_reloaded(command: str, tmp_path: Path) -> None:
    await reload_all(command)
    assert (tmp_path / "asked").read_text().splitlines() == list(RELOADS)


async def test_the_folder_of_sounds_is_where_asterisk_says(command: str) -> None:
    assert await sounds_folder(command) == Path("/var/lib/asterisk/sounds/en")


async def test_an_asterisk_that_does_not_say_has_no_folder() -> None:
    assert await sounds_folder("echo") is None


async def test_a_failure_is_told(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConsoleError, match="Unable to connect"):
        await on_console(command, "fail")
    with pytest.raises(ConsoleError, match="no-such-program"):
        await on_console("no-such-program", "x")
    monkeypatch.setattr(console, "WAIT_S", 0.5)
    with pytest.raises(ConsoleError, match="no answer"):
        await on_console(command, "sleep")
