"""Fold stored events into counts of supervisors' verdicts by rule; no call, agent or supervisor is kept."""

import json
import math
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from callguard.contracts.events import PREFIX, AlertAcknowledged, AlertEvent, AlertFired, AlertJudged
from callguard.rules.authoring.limits import direction_of, limit_of
from callguard.rules.engine.rule import RuleSet

KINDS: Final[dict[str, type[AlertEvent]]] = {
    PREFIX + kind.TYPE: kind for kind in (AlertFired, AlertAcknowledged, AlertJudged)
}
"""Events that the ledger reads, by wire name."""
Z_95: Final = 1.959964
"""Standard deviations on either side of the mean that hold 95 % of a normal distribution."""


@dataclass(slots=True)
class Case:
    """One alert that fired.

    Attributes:
        limits: the least strictness of each threshold at which the alert would not have fired; see `limits`.
        thresholds: the values of the thresholds at that time, where the event gives them.
        to_ear_s: seconds from the alert until a supervisor took it.
        useful: the supervisor's verdict; None where there is none.
    """

    rule: str
    on_trial: bool
    merged: bool
    limits: dict[str, float]
    thresholds: dict[str, Any]
    to_ear_s: float | None = None
    useful: bool | None = None
    early: bool = False


class Precision(NamedTuple):
    """Share of useful alerts among those with a verdict, and its Wilson interval (95 %)."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RuleVerdicts:
    """One rule.

    Attributes:
        in_force: whether the rule is configured.
        on_trial: alerts that fired while the rule was in shadow mode.
        merged: alerts that joined an earlier one of their call, so that no phone rang for them alone.
        early: useful alerts that came too soon; `useful` counts them too.
        to_ear_s: median of the seconds from an alert until a supervisor took it.
    """

    rule: str
    in_force: bool
    fired: int
    on_trial: int
    merged: int
    acknowledged: int
    useful: int
    early: int
    false: int
    without_verdict: int
    precision: Precision | None
    to_ear_s: float | None

    @property
    def verdicts(self) -> int:
        """Number of alerts with a verdict."""
        return self.useful + self.false


@dataclass
class Ledger:
    """Alerts that fired, and their outcomes, by identifier."""

    rules: RuleSet
    cases: dict[str, Case] = field(default_factory=dict)
    unreadable: int = 0
    """Number of unreadable events."""
    _seen: set[str] = field(default_factory=set)

    def see(self, kind: str, text: str) -> None:
        """Take in a stored event (CloudEvents JSON), in the order of the stream; a repeated event counts once.

        Outcomes of alerts that fired before the first event are ignored.
        """
        wanted = KINDS.get(kind)
        if wanted is None:
            return
        try:
            event = json.loads(text)
            data = {name: event["data"][name] for name in wanted.model_fields if name in event["data"]}
            told, identifier = wanted.model_validate(data), str(event["id"])
        except (ValueError, KeyError, TypeError, ValidationError):
            self.unreadable += 1
            return
        if identifier not in self._seen:
            self._seen.add(identifier)
            self._take(told)

    def of(self, rule: str) -> list[Case]:
        """Return one rule's alerts."""
        return [case for case in self.cases.values() if case.rule == rule]

    def names(self) -> list[str]:
        """Return every rule: the configured ones in their order, then those that appear only in events."""
        configured = [rule.name for rule in self.rules if not rule.private]
        return list(dict.fromkeys([*configured, *sorted({case.rule for case in self.cases.values()})]))

    def summary(self, rule: str) -> RuleVerdicts:
        """Return the counts of one rule."""
        cases = self.of(rule)
        useful, false = (sum(case.useful is worth for case in cases) for worth in (True, False))
        delays = [case.to_ear_s for case in cases if case.to_ear_s is not None]
        return RuleVerdicts(
            rule=rule,
            in_force=any(each.name == rule for each in self.rules),
            fired=len(cases),
            on_trial=sum(case.on_trial for case in cases),
            merged=sum(case.merged for case in cases),
            acknowledged=len(delays),
            useful=useful,
            early=sum(case.early for case in cases),
            false=false,
            without_verdict=len(cases) - useful - false,
            precision=wilson(useful, useful + false),
            to_ear_s=round(median(delays), 2) if delays else None,
        )

    def _take(self, told: AlertEvent) -> None:
        case = self.cases.get(told.alert)
        match told:
            case AlertFired() if case is None:
                self.cases[told.alert] = self._case(told)
            case AlertAcknowledged(after_s=after_s) if case is not None and case.to_ear_s is None:
                case.to_ear_s = after_s
            case AlertJudged(verdict=verdict) if case is not None:
                case.useful, case.early = verdict != "false", verdict == "early"

    def _case(self, fired: AlertFired) -> Case:
        rule = next((each for each in self.rules if each.name == fired.rule), None)
        limits: dict[str, float] = {}
        for name in rule.named if rule else ():
            direction = direction_of(rule, name) if rule else None
            limit = limit_of(rule, name, direction, fired.evidence) if rule and direction else None
            if limit is not None:
                limits[name] = limit
        thresholds = fired.evidence.get("thresholds")
        return Case(fired.rule, fired.shadow, fired.merged, limits, thresholds if isinstance(thresholds, dict) else {})


def wilson(hits: int, of: int) -> Precision | None:
    """Return a share with its Wilson score interval at 95 %; None where `of` is 0."""
    if of == 0:
        return None
    share, z2 = hits / of, Z_95**2
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z_95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Precision(round(share, 4), round(max(0.0, centre - reach), 4), round(min(1.0, centre + reach), 4))
