"""Runs the command line as a user does: another process, its output, its exit code."""

import asyncio
import os
import sys
from pathlib import Path
from typing import NamedTuple

NAMES = ("audit", "board", "nodes", "silences", "supervise")
START = f"import typer; from callguard.cli import {', '.join(NAMES)}; app = typer.Typer(); "
START += "".join(f"{name}.register(app); " for name in NAMES) + "app()"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def write_config(folder: Path, redis_url: str) -> Path:
    """A configuration that differs from the defaults by its Redis only."""
    path = folder / "callguard.yaml"
    path.write_text(
        f"redis:\n  url: {redis_url}\n  trust: loopback\njournal: {{folder: {folder / 'state'}}}\n", "utf-8"
    )
    return path


async def run(config: Path, *arguments: str, columns: int = 200) -> Ran:
    """Run `callguard ARGUMENTS`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        START,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"CALLGUARD_CONFIG": str(config), "COLUMNS": str(columns), "PYTHONUTF8": "1"},
    )
    out, err = await process.communicate()
    return Ran(process.returncode or 0, out.decode(), err.decode())
