"""The command line: each group of commands is one module with a `register(app)`."""

import importlib
import io
import os
import sys
from typing import Final

import typer

from callguard import __version__
from callguard.cli.common import missing_extra

MODULES: Final = (
    "init",
    "service",
    "supervise",
    "silences",
    "board",
    "audit",
    "nodes",
    "report",
    "rules",
    "offline",
    "simulate",
    "bench",
    "doctor",
    "demo",
    "notify",
    "files",
)

app = typer.Typer(
    name="callguard",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Hears when a customer's voice rises on an Asterisk call, and brings a supervisor to the agent's ear.",
    epilog="Exit codes: 0 ok, 1 findings or failure, 2 usage or bad configuration; `run`: 3 application name taken.",
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"callguard {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def main() -> None:
    """Entry point of the `callguard` program."""
    # Arrays here are small: two threads of numpy cost twice the CPU of one. Numpy reads this when it is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name need not be UTF-8; JSON stays JSON with the escape
        sys.stdout.reconfigure(errors="backslashreplace")
    for name in MODULES:
        importlib.import_module(f"callguard.cli.{name}").register(app)
    try:
        app()
    except ModuleNotFoundError as error:
        sys.exit(missing_extra(error))
