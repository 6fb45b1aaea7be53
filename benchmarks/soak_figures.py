"""A soak's figures: what each process holds at a moment, how that grows, and what is left at the end."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Final

WARM_UP: Final = 0.6
"""Share of a soak after which memory should stand still: of ten minutes, until the alert book holds 500 past ones."""
GROWTH_LIMIT_MIB_H: Final = 24.0
"""More is called a leak. Of ten minutes the last four count, in which an allocator's step of 1 MiB alone makes 15."""
SLACK: Final = {"tasks": 4, "fds": 12, "worker_fds": 2}
"""What the service may hold more after the last call than before the first. Descriptors: four supervisors' phones are
asked for every 5 s over connections to Asterisk that take turns and are kept for 15 s, which can keep twelve in use."""
GROWING: Final = ("control_mib", "worker_mib", "pbx_mib")


@dataclass(frozen=True)
class Sample:
    """One moment. Memory is resident; `*_mib` in MiB, `*_kib` in KiB."""

    at_s: float
    control_mib: float
    worker_mib: float
    pbx_mib: float
    fds: int
    worker_fds: int
    tasks: int
    calls: int
    legs: int
    alerts: int
    joined: int
    redis_kib: float
    book_kib: float
    keys: int
    events: int
    audit: int
    channels: int
    bridges: int


def resident_mib(*pids: int) -> float:
    """Return the resident memory of processes; those that are gone count nothing."""
    return sum(_pages(pid) for pid in pids) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def descriptors(*pids: int) -> int:
    """Return how many file descriptors processes have open."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


def slope_h(points: Sequence[tuple[float, float]]) -> float:
    """Return growth an hour of (seconds, value): the median slope between all pairs, deaf to single jumps."""
    slopes = [(later - value) / (at - since) for (since, value), (at, later) in combinations(points, 2)]
    return 3600 * median(slopes) if slopes else 0.0


def growth(samples: Sequence[Sample], until_s: float) -> dict[str, float]:
    """Return growth in MiB an hour of each process after the warm-up, while calls went on."""
    busy = [sample for sample in samples if WARM_UP * until_s <= sample.at_s <= until_s]
    return {name: slope_h([(sample.at_s, getattr(sample, name)) for sample in busy]) for name in GROWING}


def leftovers(before: Sample, after: Sample) -> list[str]:
    """Say what is there after the last call that was not there before the first."""
    left = [
        f"{getattr(after, name)} {name}"
        for name in ("calls", "legs", "alerts", "joined", "channels", "bridges")
        if getattr(after, name)
    ]
    more = {name: getattr(after, name) - getattr(before, name) for name in SLACK}
    return left + [f"{count} more {name}" for name, count in more.items() if count > SLACK[name]]


def problems(grown: Mapping[str, float], left: Sequence[str], unanswered: int) -> list[str]:
    """Say what is wrong with a soak; nothing when it passed."""
    leaks = [f"{name} grows by {rate:.0f} an hour" for name, rate in grown.items() if rate > GROWTH_LIMIT_MIB_H]
    silent = [f"{unanswered} commands without an answer"] if unanswered else []
    return leaks + [f"left after the last call: {item}" for item in left] + silent


def table(samples: Sequence[Sample]) -> str:
    """Return all samples as text, one a line."""
    names = [field.name for field in fields(Sample)]
    rows = [[_text(getattr(sample, name)) for name in names] for sample in samples]
    widths = [max(len(row[column]) for row in [names, *rows]) for column in range(len(names))]
    return "\n".join(" ".join(map(str.rjust, row, widths)) for row in [names, *rows])


def _text(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
