"""Write the fewest patterns that match the channels of given endpoints, and of no other endpoint of the PBX. Pure."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

MARKS: Final = re.compile(r"([*?[])")
"""Characters that mean something in a pattern."""
SUFFIX: Final = "-" + "?" * 8
"""A channel's name is its endpoint's and eight hexadecimal digits."""


def patterns_for(chosen: Iterable[str], present: Iterable[str]) -> list[str]:
    """Return patterns such as PJSIP/20[1-5]-* for endpoints; neighbours in number share one."""
    others = set(present) - set(chosen)
    groups: dict[tuple[str, bool], list[str]] = {}
    for name in sorted(set(chosen)):
        last, literal = name[-1:], MARKS.sub(r"[\1]", name)
        key = (literal[:-1], True) if last.isdigit() else (literal, False)
        groups.setdefault(key, []).append(last)
    return [_ended(stem + (_class(digits) if numeric else ""), others) for (stem, numeric), digits in groups.items()]


def _ended(pattern: str, others: set[str]) -> str:
    """Return a pattern of endpoints as a pattern of their channels, narrow where another endpoint's name is longer."""
    wide = f"{pattern}-*"
    if any(fnmatchcase(f"{name}-00000001", wide) for name in others):
        return pattern + SUFFIX
    return wide


def _class(digits: Sequence[str]) -> str:
    """Return one digit, or a class of digits with runs: [1-359]."""
    if len(digits) == 1:
        return digits[0]
    runs: list[list[str]] = []
    for digit in digits:
        if runs and int(digit) == int(runs[-1][-1]) + 1:
            runs[-1].append(digit)
        else:
            runs.append([digit])
    return "[" + "".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) + "]"
