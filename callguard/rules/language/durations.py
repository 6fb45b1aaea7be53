"""Parse and format the durations of rules: 500ms, 1s, 2m, 1m30s."""

import re
from typing import Final

UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
PART: Final = r"\d+(?:\.\d+)?(?:ms|s|m|h)"
LONGEST_S: Final = 3600.0
"""Longest duration of a rule in seconds (one hour): no call needs a rule that waits longer."""

_WHOLE = re.compile(rf"(?:{PART})+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)


def parse_duration(text: object) -> float:
    """Return seconds; raise ValueError that gives the allowed forms."""
    if not isinstance(text, str) or len(text) > 40 or not _WHOLE.fullmatch(text):
        raise ValueError("expected a duration such as 500ms, 1s, 2m or 1m30s")
    seconds = sum(float(amount) * UNITS[unit] for amount, unit in _PART.findall(text))
    if seconds > LONGEST_S:
        raise ValueError("expected a duration of at most 1h")
    return seconds


def format_duration(seconds: float) -> str:
    """Return seconds in a rule's notation: 0.5 -> 500ms, 90 -> 1m30s."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    return (f"{minutes:g}m" if minutes else "") + (f"{rest:g}s" if rest or not minutes else "")
