"""Count the alerts that a rule set would have fired on calls whose signals are stored."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from callguard.contracts.messages import Transition
from callguard.rules.authoring.rates import extrapolated
from callguard.rules.authoring.replay import Recorded, replay
from callguard.rules.engine.rule import RING_MODES, RuleSet

BATCH: Final = 64
"""Calls replayed side by side: enough of them share the cost of a step, few enough keep memory small."""


@dataclass(frozen=True, slots=True)
class Fire:
    """One alert that the rules would have fired; times in seconds from the start of the recording."""

    rule: str
    call: str
    leg: str
    severity: str
    at_s: float
    until_s: float | None
    score: float
    shadow: bool


@dataclass(frozen=True, slots=True)
class Total:
    """Count of one rule's alerts. `rings`: whether the rule rings supervisors' phones."""

    rule: str
    rings: bool
    fires: int
    calls: int
    per_hour: float
    per_supervisor_hour: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """One rule set over all recordings.

    Attributes:
        hours: total length of the recordings.
        calls_at_once: assumed number of simultaneous calls for each supervisor.
        totals: one for each rule, in the order of the files.
    """

    hours: float
    calls_at_once: float
    totals: tuple[Total, ...]
    fires: tuple[Fire, ...]

    @property
    def rings_per_supervisor_hour(self) -> float:
        """Alerts of the rules that ring phones, for one supervisor in one hour."""
        return round(sum(total.per_supervisor_hour for total in self.totals if total.rings), 2)

    def as_json(self) -> dict[str, Any]:
        """Return the whole result as JSON-able data."""
        return asdict(self) | {
            "rings_per_supervisor_hour": self.rings_per_supervisor_hour,
            "extrapolated": extrapolated(self.hours),
        }


def backtest(rules: RuleSet, calls: Sequence[Recorded], calls_at_once: float) -> Backtest:
    """Replay calls through rules and count their alerts; raises no errors of its own."""
    fires: list[Fire] = []
    for start in range(0, len(calls), BATCH):
        batch = calls[start : start + BATCH]
        for call, transitions in zip(batch, replay(rules, batch), strict=True):
            fires += _fires(call.name, transitions)
    hours = sum(call.steps * call.step_s for call in calls) / 3600
    return Backtest(round(hours, 4), calls_at_once, tuple(_totals(rules, fires, hours, calls_at_once)), tuple(fires))


def _fires(call: str, transitions: list[Transition]) -> list[Fire]:
    ends = [each for each in transitions if each.kind == "resolved"]
    return [
        Fire(
            rule=each.rule,
            call=call,
            leg=each.leg,
            severity=each.severity,
            at_s=round(each.at, 3),
            until_s=next((round(end.at, 3) for end in ends if end.rule == each.rule and end.at > each.at), None),
            score=each.score,
            shadow=each.shadow,
        )
        for each in transitions
        if each.kind == "fired"
    ]


def _totals(rules: RuleSet, fires: list[Fire], hours: float, calls_at_once: float) -> list[Total]:
    totals = []
    for rule in rules:
        own = [fire for fire in fires if fire.rule == rule.name]
        per_hour = len(own) / hours if hours else 0.0
        totals.append(
            Total(
                rule=rule.name,
                rings=not rule.shadow and any(action in RING_MODES for action in rule.actions),
                fires=len(own),
                calls=len({fire.call for fire in own}),
                per_hour=round(per_hour, 3),
                per_supervisor_hour=round(per_hour * calls_at_once, 3),
            )
        )
    return totals
