"""What every command shares: exit codes, output, configuration."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.console import Console

from callguard.config import Config, ConfigError, load_config

FINDINGS: Final = 1
"""Exit code: the command worked and found something wrong, or failed."""
USAGE: Final = 2
"""Exit code: wrong usage or bad configuration."""

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="CALLGUARD_CONFIG",
        help="callguard.yaml; default: ./config/callguard.yaml, else /etc/callguard/callguard.yaml.",
    ),
]


def print_json(value: Any) -> None:
    """Write one JSON document to standard output, on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def fail(message: str, code: int = FINDINGS) -> NoReturn:
    """Write an error to standard error and exit."""
    errors.print(message, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def config_path(given: Path | None) -> Path:
    """Return the configuration file in force; exit with USAGE when there is none."""
    candidates = [given] if given else [Path("config/callguard.yaml"), Path("/etc/callguard/callguard.yaml")]
    for path in candidates:
        if path.exists():
            return path
    return fail(
        f"no configuration: {' nor '.join(os.fspath(path) for path in candidates)} exists; give --config", USAGE
    )


def read_config(given: Path | None) -> tuple[Config, Path]:
    """Load the configuration; exit with USAGE and one line a problem when it can't be used."""
    path = config_path(given)
    try:
        return load_config(path), path
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)
