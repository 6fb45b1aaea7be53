"""Run commands on Asterisk's console by `asterisk -rx`, to reload what init added."""

import asyncio
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Final

WAIT_S: Final = 20.0
RELOADS: Final = ("module reload http", "module reload res_ari", "manager reload", "dialplan reload")
UNLOAD: Final = "module unload bridge_native_rtp.so"


class ConsoleError(Exception):
    """The command could not be run, or Asterisk's console did not answer."""


async def on_console(command: str, words: str) -> str:
    """Run one command and return what it printed. Raises ConsoleError."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(*shlex.split(command), "-rx", words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except (OSError, ValueError) as error:
        raise ConsoleError(f"{command}: {error}") from error
    try:
        out, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise ConsoleError(f"{command} -rx '{words}': no answer in {WAIT_S:g} s") from None
    said = out.decode(errors="replace").strip()
    if process.returncode:
        raise ConsoleError(f"{command} -rx '{words}': {said.splitlines()[-1] if said else process.returncode}")
    return said


async def reload_all(command: str) -> None:
    """Reload the parts of Asterisk whose files init changed. Raises ConsoleError."""
    for words in RELOADS:
        await on_console(command, words)


async def sounds_folder(command: str) -> Path | None:
    """Return Asterisk's folder of English sounds; None where it does not say. Raises ConsoleError."""
    for line in (await on_console(command, "core show settings")).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Data directory":
            return Path(value.strip()) / "sounds" / "en"
    return None
