"""One difference between configuration and PBX. Pure."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A finding; `key` is the configuration's key path, empty where the PBX alone is at fault."""

    level: Literal["warning", "error"]
    key: str
    text: str
    advice: str = ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` where a known name is alike, else an empty text."""
    by_fold = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), by_fold, 1)
    return f"; did you mean {by_fold[near[0]]}?" if near else ""


def listed(names: Sequence[str]) -> str:
    """Return names in one line, the first few of many."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "") if names else "none"
