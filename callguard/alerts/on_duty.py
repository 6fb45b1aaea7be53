"""Selects the supervisors who may be rung, by team, shift and tier."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from callguard.config import SupervisorConfig
from callguard.rules.engine.scope import within


def on_duty(supervisors: Iterable[SupervisorConfig], team: str | None, local: datetime) -> list[SupervisorConfig]:
    """Return a team's supervisors on shift, lowest tier first. All supervisors serve a queue without a team."""
    serving = [s for s in supervisors if team is None or not s.teams or team in s.teams]
    return sorted((s for s in serving if within(s.hours, s.days, local)), key=lambda supervisor: supervisor.tier)


def next_tier(free: Sequence[SupervisorConfig], lowest: int) -> tuple[int, tuple[str, ...]] | None:
    """Return the lowest tier from `lowest` up that has free supervisors, else the lowest of all, and their names."""
    candidates = [supervisor for supervisor in free if supervisor.tier >= lowest] or free
    if not candidates:
        return None
    tier = min(supervisor.tier for supervisor in candidates)
    return tier, tuple(supervisor.name for supervisor in candidates if supervisor.tier == tier)
