"""Alert budget: at most so many rings a supervisor and hour; the rest waits its turn, ranked, in sight."""

from collections.abc import Iterable

HOUR_S = 3600.0

Spent = dict[str, list[float]]
"""When each supervisor was rung in the last hour, oldest first."""


def left(spent: Spent, supervisor: str, per_hour: int, now: float) -> int:
    """Return how many more rings a supervisor may get now."""
    return per_hour - sum(1 for at in spent.get(supervisor, ()) if at > now - HOUR_S)


def spend(spent: Spent, supervisors: Iterable[str], now: float) -> None:
    """Count a ring for each; forget those older than an hour."""
    for name in supervisors:
        spent[name] = [at for at in spent.get(name, ()) if at > now - HOUR_S] + [now]
