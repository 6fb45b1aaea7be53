"""Read the values of CALLGUARD and CALLGUARD_ROLE in every spelling. Pure.

An unclear value never means "judge": it counts as off, and is reported.
"""

from typing import Final, cast, get_args

from callguard.contracts.vocabulary import Part

OFF: Final = frozenset({"off", "no", "n", "false", "0"})
ON: Final = frozenset({"on", "yes", "y", "true", "1"})
MODES: Final = frozenset({"raised_voice", "emotion"})


def setting_of(value: str) -> str:
    """Return CALLGUARD's value: "" (not set), "on", "off", "raised_voice" or "emotion"; off where it is unclear."""
    word = value.strip().lower()
    if word in ON:
        return "on"
    return word if word in MODES or not word else "off"


def part_of(value: str) -> Part | None:
    """Return the value of CALLGUARD_ROLE; None where it is not set or unclear."""
    word = value.strip().lower()
    return cast("Part", word) if word in get_args(Part) else None


def is_clear(name: str, value: str) -> bool:
    """Return whether the value of one of our variables is clear."""
    word = value.strip().lower()
    if name == "CALLGUARD":
        return not word or word in ON | OFF | MODES
    return name != "CALLGUARD_ROLE" or not word or part_of(word) is not None
