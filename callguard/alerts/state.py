"""The state of the alert store in one model: what a restart must not forget."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from callguard.alerts.alert import Alert
from callguard.alerts.silences import Silence
from callguard.contracts.vocabulary import Verdict

MOST_PAST = 500
"""Resolved alerts that can still be judged."""


class Ring(BaseModel):
    """Supervisors are being rung for a call; at most one ring a call."""

    model_config = ConfigDict(extra="forbid")

    alert: str
    """The alert that began it; it names the ring to the outside."""
    alerts: list[str]
    """All alerts that it speaks for."""
    supervisors: tuple[str, ...]
    tier: int
    deadline: float


class StoreState(BaseModel):
    """The whole memory.

    Attributes:
        alerts: open ones by identifier.
        rings: by call.
        spent: when each supervisor was rung in the last hour.
        joined: supervisor who is in a call now, by call.
        past: resolved ones by identifier, oldest first, at most MOST_PAST, without their evidence.
        verdicts: per rule, how often which verdict was given.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    alerts: dict[str, Alert] = {}
    silences: list[Silence] = []
    rings: dict[str, Ring] = {}
    spent: dict[str, list[float]] = {}
    joined: dict[str, str] = {}
    past: dict[str, Alert] = {}
    verdicts: dict[str, dict[Verdict, int]] = {}

    @model_validator(mode="after")
    def _rings_of_open_alerts(self) -> Self:
        for call, ring in self.rings.items():
            if not ring.alerts or any(
                each not in self.alerts or self.alerts[each].call != call for each in ring.alerts
            ):
                raise ValueError(f"ring of call {call} speaks for alerts that are not open")
        return self
