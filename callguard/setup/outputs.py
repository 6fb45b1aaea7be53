"""Plan the files of CallGuard itself: configuration, rules, secrets, systemd unit."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from callguard.config.environment import SECRETS, parse_environment
from callguard.config.shipped import config_folder, rule_files
from callguard.setup.changes import Change

CONFIG: Final = "callguard.yaml"
UNIT: Final = "callguard.service"
SYSTEMD: Final = Path("/etc/systemd/system")
SECRET: Final = 0o600


def stored_secrets(folder: Path) -> dict[str, str]:
    """Return the variables of secrets.env; none where there is no such file."""
    file = folder / SECRETS
    return parse_environment(file.read_text("utf-8", "replace")) if file.exists() else {}


def secrets_change(folder: Path, variables: Mapping[str, str]) -> Change:
    """Return the change of secrets.env: other variables in it stay."""
    file = folder / SECRETS
    present = file.read_text("utf-8", "replace").splitlines() if file.exists() else []
    kept = [line for line in present if line.partition("=")[0].strip() not in variables]
    lines = [*kept, *(f"{name}={value}" for name, value in variables.items())]
    if parse_environment("\n".join(present)).items() >= dict(variables).items():
        lines = present
    return Change(file, "\n".join(lines) + "\n", SECRET, appends=bool(present))


def product_changes(folder: Path, unit: Path, configuration: str) -> list[Change]:
    """Return the changes of our folder, and of the systemd unit."""
    return [
        Change(folder / CONFIG, configuration),
        *(Change(folder / "rules" / path.name, path.read_text("utf-8")) for path in rule_files()),
        Change(unit, unit_text(folder)),
    ]


def default_unit(folder: Path) -> Path:
    """Return the place of the systemd unit: systemd's folder where there is one."""
    return SYSTEMD / UNIT if SYSTEMD.is_dir() else folder / UNIT


def unit_text(folder: Path) -> str:
    """Return the shipped systemd unit for this program and this folder."""
    text = (config_folder() / UNIT).read_text("utf-8")
    program = Path(sys.executable).with_name("callguard")
    return text.replace("/opt/callguard/bin/callguard", str(program)).replace("/etc/callguard", str(folder))
