"""Who may be rung: team, shift, tier, and whether the person is free."""

from collections.abc import Callable, Iterable
from datetime import datetime

from callguard.config import SupervisorConfig
from callguard.rules.scope import within


def on_duty(supervisors: Iterable[SupervisorConfig], team: str | None, local: datetime) -> list[SupervisorConfig]:
    """Return those who serve a team and are on shift, lowest tier first. A queue without a team is served by all."""
    serving = [s for s in supervisors if team is None or not s.teams or team in s.teams]
    return sorted((s for s in serving if within(s.hours, s.days, local)), key=lambda supervisor: supervisor.tier)


def first_tier(
    duty: Iterable[SupervisorConfig], lowest: int, free: Callable[[str], bool]
) -> tuple[int, tuple[str, ...]] | None:
    """Return the lowest tier from `lowest` up that has somebody free, and all who are free in it."""
    candidates = [supervisor for supervisor in duty if supervisor.tier >= lowest and free(supervisor.name)]
    if not candidates:
        return None
    tier = min(supervisor.tier for supervisor in candidates)
    return tier, tuple(supervisor.name for supervisor in candidates if supervisor.tier == tier)
