"""Find the shipped files that are not code: sample configuration, rules, snippets for Asterisk, the unit, runbooks.

They are package data below `callguard/shipped/`. In a checkout that folder holds links to `config/` and
`docs/runbooks/`; a wheel holds copies, because building it follows the links. So one place is right in both.
"""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(str(files("callguard"))) / "shipped"


class Shipped(NamedTuple):
    """One kind of shipped files."""

    kind: str
    """rules, asterisk, …: the word by which `callguard files` knows it."""
    path: Path
    """A folder or a file."""
    meaning: str


def config_folder() -> Path:
    """Return the folder of the shipped configuration; raise FileNotFoundError where it was not installed."""
    folder = FOLDER / "config"
    if not (folder / "callguard.yaml").exists():
        raise FileNotFoundError(f"the shipped configuration is not at {folder}; install callguard again")
    return folder


def rules_folder() -> Path:
    """Return the folder of the shipped rules."""
    return config_folder() / "rules"


def rule_files() -> list[Path]:
    """Return the shipped rule files, without the other settings and the rules' unit tests below them."""
    return sorted(rules_folder().glob("*.yaml"))


def runbooks_folder() -> Path:
    """Return the folder of the runbooks to which the shipped rules refer."""
    return FOLDER / "runbooks"


def runbooks() -> list[str]:
    """Return the names of the runbooks; the console serves each as /runbooks/NAME."""
    return sorted(path.stem for path in runbooks_folder().glob("*.md") if path.stem != "README")


def shipped() -> Iterator[Shipped]:
    """Yield the shipped files, by kind."""
    config = config_folder()
    yield Shipped("config", config / "callguard.yaml", "sample configuration, for /etc/callguard/")
    yield Shipped("rules", config / "rules", "rules, with other settings and unit tests below")
    yield Shipped("asterisk", config / "asterisk", "snippets of Asterisk's configuration, for /etc/asterisk/")
    yield Shipped("unit", config / "callguard.service", "systemd unit, for /etc/systemd/system/")
    yield Shipped("runbooks", runbooks_folder(), "the page of each shipped alert: what it means, what helps")
    yield Shipped("prompts", FOLDER.parent / "prompts" / "en", "spoken prompts, for `callguard prompts FOLDER`")
    yield Shipped("models", FOLDER.parent / "models", "the models and their cards")
