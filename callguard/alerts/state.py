"""The state of the alert store in one model. It survives restarts."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from callguard.alerts.alert import Alert
from callguard.alerts.silences import Silence
from callguard.contracts.vocabulary import Verdict

MOST_PAST = 500
"""Most resolved alerts that are kept to be judged."""


class Ring(BaseModel):
    """A ring: supervisors are being rung for a call. A call has at most one ring."""

    model_config = ConfigDict(extra="forbid")

    alert: str
    """The alert that began it; effects name the ring by this alert."""
    alerts: list[str]
    """All alerts that share it."""
    supervisors: tuple[str, ...]
    tier: int
    deadline: float


class StoreState(BaseModel):
    """The state of all alerts of a node.

    Attributes:
        alerts: open alerts by identifier.
        rings: by call.
        spent: times of each supervisor's rings in the last hour.
        joined: supervisor who is in a call now, by call.
        past: resolved alerts by identifier, oldest first, at most MOST_PAST, without their evidence.
        verdicts: count of each verdict, per rule.
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
