"""Alert budget: limits the rings per supervisor and hour; further alerts wait on the board, ranked."""

from collections.abc import Iterable

HOUR_S = 3600.0

Spent = dict[str, list[float]]
"""Times of each supervisor's rings in the last hour, oldest first."""


def left(spent: Spent, supervisor: str, per_hour: int, now: float) -> int:
    """Return the number of rings that a supervisor may still get now."""
    return per_hour - sum(1 for at in spent.get(supervisor, ()) if at > now - HOUR_S)


def spend(spent: Spent, supervisors: Iterable[str], now: float) -> None:
    """Count a ring for each supervisor; forget rings older than an hour."""
    for name in supervisors:
        spent[name] = [at for at in spent.get(name, ()) if at > now - HOUR_S] + [now]
