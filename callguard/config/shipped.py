"""Find the shipped files that are not code: sample configuration, rules, snippets for Asterisk."""

import sys
from pathlib import Path
from typing import Final

_PLACES: Final = (Path(__file__).parents[2] / "config", Path(sys.prefix) / "share" / "callguard")
"""The folder in a checkout, and the folder in an installed package."""


def config_folder() -> Path:
    """Return the folder of the shipped configuration; raise FileNotFoundError where it was not installed."""
    for place in _PLACES:
        if (place / "callguard.yaml").exists():
            return place
    raise FileNotFoundError(f"the shipped configuration is at none of {', '.join(map(str, _PLACES))}")


def rules_folder() -> Path:
    """Return the folder of the shipped rules."""
    return config_folder() / "rules"
