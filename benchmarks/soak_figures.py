"""Compute a soak's figures: each process's resources at a moment, their growth, and the leftovers at the end."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Final

WARM_UP: Final = 0.6
"""Share of a soak after which memory should stay constant: by then the alert store holds 500 past alerts."""
GROWTH_LIMIT_MIB_H: Final = 24.0
"""Growth above this is a leak. The last four of ten minutes count; one allocator step of 1 MiB gives 15 in them."""
SLACK: Final = {"tasks": 4, "fds": 12, "worker_fds": 2}
"""What the service may hold more after the last call than before the first. Descriptors: four supervisors' phones are
asked for every 5 s over connections to Asterisk that take turns and are kept for 15 s, which can keep twelve in use."""
GROWING: Final = ("control_mib", "worker_mib", "pbx_mib")


@dataclass(frozen=True)
class Sample:
    """The resources at one moment. Memory is resident memory; `*_mib` in MiB, `*_kib` in KiB."""

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
    """Return the resident memory of processes in MiB; ended processes count 0."""
    return sum(_pages(pid) for pid in pids) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def descriptors(*pids: int) -> int:
    """Return the number of open file descriptors of processes."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


def children(pid: int) -> list[int]:
    """Return the ids of a process's children."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


def slope_h(points: Sequence[tuple[float, float]]) -> float:
    """Return the growth per hour of (seconds, value): the median slope between all pairs, robust to single jumps."""
    slopes = [(later - value) / (at - since) for (since, value), (at, later) in combinations(points, 2)]
    return 3600 * median(slopes) if slopes else 0.0


def growth(samples: Sequence[Sample], until_s: float) -> dict[str, float]:
    """Return the growth in MiB an hour of each process after the warm-up, during calls."""
    busy = [sample for sample in samples if WARM_UP * until_s <= sample.at_s <= until_s]
    return {name: slope_h([(sample.at_s, getattr(sample, name)) for sample in busy]) for name in GROWING}


def leftovers(before: Sample, after: Sample) -> list[str]:
    """Return the resources that exist after the last call and did not exist before the first."""
    left = [
        f"{getattr(after, name)} {name}"
        for name in ("calls", "legs", "alerts", "joined", "channels", "bridges")
        if getattr(after, name)
    ]
    more = {name: getattr(after, name) - getattr(before, name) for name in SLACK}
    return left + [f"{count} more {name}" for name, count in more.items() if count > SLACK[name]]


def problems(grown: Mapping[str, float], left: Sequence[str], unanswered: int) -> list[str]:
    """Return the faults of a soak; an empty list if it passed."""
    leaks = [f"{name} grows by {rate:.0f} an hour" for name, rate in grown.items() if rate > GROWTH_LIMIT_MIB_H]
    silent = [f"{unanswered} commands without an answer"] if unanswered else []
    return leaks + [f"left after the last call: {item}" for item in left] + silent


def table(samples: Sequence[Sample]) -> str:
    """Return all samples as text, one in each line."""
    names = [field.name for field in fields(Sample)]
    rows = [[_text(getattr(sample, name)) for name in names] for sample in samples]
    widths = [max(len(row[column]) for row in [names, *rows]) for column in range(len(names))]
    return "\n".join(" ".join(map(str.rjust, row, widths)) for row in [names, *rows])


def _text(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
