"""Parse the compact notation of signal series, for unit tests of rules.

0.2x10          0.2 for ten steps                0.2x3s       0.2 for three seconds
0.2+0.1x5       0.2 0.3 0.4 0.5 0.6              1-0.05x2s    falling for two seconds
_x1s            not judged for one second        0.9          one step
"""

import math
import re
from typing import Final

from callguard.rules.language.durations import PART, parse_duration

MOST_STEPS: Final = 36_000
"""One hour of steps of 0.1 s."""
FORMS: Final = "0.2, 0.2x10, 0.2x3s, 0.2+0.1x5, _x1s"

_NUMBER: Final = r"-?(?:\d+(?:\.\d+)?|\.\d+)"
_PIECE = re.compile(
    rf"(?P<start>_|{_NUMBER})(?P<step>[+-](?:\d+(?:\.\d+)?|\.\d+))?(?:x(?P<times>(?:{PART})+|\d{{1,6}}))?", re.ASCII
)


def parse_series(text: str, step_s: float) -> list[float]:
    """Return one value a step, NaN where not judged; raise ValueError that names the piece that is wrong."""
    values: list[float] = []
    for word in text.split():
        match = _PIECE.fullmatch(word)
        if match is None or (match["start"] == "_" and match["step"]):
            raise ValueError(f"{word!r} is not a piece of a series; allowed: {FORMS}")
        start = math.nan if match["start"] == "_" else float(match["start"])
        rise = float(match["step"] or 0)
        count = _count(match["times"], step_s)
        if len(values) + count > MOST_STEPS:
            raise ValueError(f"series longer than {MOST_STEPS} steps")
        values += [round(start + rise * index, 9) for index in range(count)]
    return values


def _count(times: str | None, step_s: float) -> int:
    if times is None:
        return 1
    return int(times) if times.isdigit() else round(parse_duration(times) / step_s)
