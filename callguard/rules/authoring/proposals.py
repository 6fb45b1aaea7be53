"""Propose a threshold from supervisors' verdicts: the new value, and the useful alerts that it would have cost.

The proposal is an estimate from the alerts that have a verdict. The evidence of each tells how strict the threshold
could have been at the moment when the alert fired. No event tells what came after that moment: an alert counted as gone
may fire later in its call, and an alert counted as kept may not hold for the length of `for`. No file is changed.
"""

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from callguard.rules.authoring.limits import Direction, direction_of
from callguard.rules.authoring.verdicts import Case, Ledger
from callguard.rules.engine.rule import Rule

ENOUGH: Final = 20
"""Verdicts that a proposal needs: among fewer, one supervisor's bad day could make up half."""
CHANCE: Final = 0.05
"""Highest accepted probability that the value spares false alarms rather than useful alerts by chance alone."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Strictness limits, for one threshold, of one rule's judged alerts that would still fire today."""

    rule: str
    threshold: str
    now: float
    direction: Direction
    useful: tuple[float, ...]
    false: tuple[float, ...]
    left_out: int
    """Judged alerts whose evidence gives no limit, or that today's threshold would not let fire."""

    @property
    def drawable(self) -> bool:
        """Whether any alert depends on the threshold."""
        return any(map(math.isfinite, self.useful + self.false))

    def effect(self, value: float) -> "Effect":
        """Return the effect that a value of the threshold would have had."""
        gone, lost = (sum(limit <= value * self.direction for limit in limits) for limits in (self.false, self.useful))
        return Effect(self.rule, len(self.false), gone, len(self.useful), lost)


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of another threshold on the judged alerts of one rule."""

    rule: str
    false: int
    false_gone: int
    useful: int
    useful_lost: int

    @property
    def chance(self) -> float:
        """Probability of losing so few useful alerts by chance (Fisher's exact test, one-sided)."""
        gone = self.false_gone + self.useful_lost
        every = _log_ways(self.useful + self.false, gone)
        return sum(
            math.exp(_log_ways(self.useful, lost) + _log_ways(self.false, gone - lost) - every)
            for lost in range(max(0, gone - self.false), self.useful_lost + 1)
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """One named threshold of one rule.

    Attributes:
        now: the value in force.
        value: the proposed value; None where there is no proposal, for the reason in `why`.
        effect: the effect of the proposed or rejected value; None where no value was found.
        elsewhere: the effect on other rules that use the threshold, where verdicts tell.
        also: every other rule that uses it.
    """

    rule: str
    threshold: str
    now: float
    value: float | None = None
    effect: Effect | None = None
    left_out: int = 0
    elsewhere: tuple[Effect, ...] = ()
    also: tuple[str, ...] = ()
    why: str = ""

    @property
    def yaml(self) -> str | None:
        """Return the line for a thresholds file."""
        if self.value is None or self.effect is None:
            return None
        told = f"{self.effect.false_gone} of {self.effect.false} false alarms of {self.rule} gone"
        lost = f"{self.effect.useful_lost} of {self.effect.useful} useful ones lost"
        return f"  {self.threshold}: {plain(self.value)} # was {plain(self.now)}: {told}, {lost}"


def samples(ledger: Ledger, rule: Rule, name: str) -> Samples | None:
    """Return the limits of one threshold; None where its stricter direction is undecidable."""
    direction = direction_of(rule, name)
    if direction is None:
        return None
    now = rule.named[name]
    judged = [case for case in ledger.of(rule.name) if case.useful is not None]
    fit = [case for case in judged if _fires_today(case, name, now, direction)]
    useful, false = (tuple(case.limits[name] for case in fit if case.useful is worth) for worth in (True, False))
    return Samples(rule.name, name, now, direction, useful, false, len(judged) - len(fit))


def propose(ledger: Ledger, rule: Rule, share: float) -> list[Proposal]:
    """Return one proposal, or the reason for none, for each named threshold of a rule, in the order of its text.

    `share`: part (0-1) of the false alarms that the new value must spare.
    """
    return [_proposal(ledger, rule, name, share) for name in rule.named]


def best(proposals: list[Proposal]) -> Proposal | None:
    """Return the proposal that loses the fewest useful alerts, then the one that spares the most false alarms."""
    made = [(proposal, proposal.effect) for proposal in proposals if proposal.value is not None]
    ranked = [(effect.useful_lost, -effect.false_gone, at) for at, (_, effect) in enumerate(made) if effect]
    return made[min(ranked)[-1]][0] if ranked else None


def plain(value: float) -> str:
    """Return a number as text for YAML: no exponent, no trailing zeros."""
    return format(Decimal(repr(value)).normalize(), "f")


def _log_ways(of: int, take: int) -> float:
    """Return the logarithm of the binomial coefficient, which has thousands of digits for thousands of alerts."""
    return math.lgamma(of + 1) - math.lgamma(take + 1) - math.lgamma(of - take + 1)


def _fires_today(case: Case, name: str, now: float, direction: Direction) -> bool:
    """Tell whether today's threshold fires a case; the alert itself proves it where the coarse curve falls short."""
    limit = case.limits.get(name)
    return limit is not None and (limit > now * direction or case.thresholds.get(name) == now)


def _proposal(ledger: Ledger, rule: Rule, name: str, share: float) -> Proposal:
    found = samples(ledger, rule, name)
    users = [each for each in ledger.rules if each.name != rule.name and name in each.named and not each.private]
    also = tuple(each.name for each in users)
    now = rule.named[name]
    if found is None:
        return Proposal(rule.name, name, now, also=also, why="its stricter direction can't be told from the rule")
    value, why = _value(found, share)
    if value is None:
        return Proposal(rule.name, name, now, left_out=found.left_out, also=also, why=why)
    effect = found.effect(value)
    why = _against(effect, value)
    others = [other for each in users if (other := samples(ledger, each, name))]
    return Proposal(
        rule=rule.name,
        threshold=name,
        now=now,
        value=None if why else value,
        effect=effect,
        left_out=found.left_out,
        elsewhere=tuple(other.effect(value) for other in others if other.useful or other.false),
        also=also,
        why=why,
    )


def _value(found: Samples, share: float) -> tuple[float | None, str]:
    """Return the least strict value that spares enough false alarms, or None and the reason."""
    verdicts = len(found.useful) + len(found.false)
    if verdicts < ENOUGH:
        return None, f"{verdicts} verdicts with evidence; a proposal needs {ENOUGH}"
    if not found.false:
        return None, "no false alarm"
    limit = sorted(found.false)[max(1, math.ceil(share * len(found.false) - 1e-9)) - 1]
    if math.isinf(limit):
        return None, "too many of the false alarms fire at any value"
    step = _step(found.now)
    strictness = _up(limit, step)
    least = _up(found.now * found.direction, step)
    if least <= Decimal(repr(found.now * found.direction)):
        least += step
    return float(max(strictness, least) * found.direction), ""


def _against(effect: Effect, value: float) -> str:
    """Return why a value is not worth proposing; an empty text where it is."""
    if effect.useful_lost == 0 or effect.chance <= CHANCE:
        return ""
    return (
        f"at {plain(value)} {effect.false_gone} of {effect.false} false alarms and {effect.useful_lost} of "
        f"{effect.useful} useful ones would be gone: it does not separate them"
    )


def _up(strictness: float, step: Decimal) -> Decimal:
    return (Decimal(repr(strictness)) / step).to_integral_value(ROUND_CEILING) * step


def _step(now: float) -> Decimal:
    """Return the second significant digit's unit of the present value: 0.72 moves by 0.01, 6 by 0.1, 25 by 1."""
    return Decimal(1).scaleb(Decimal(repr(now)).adjusted() - 1) if now else Decimal("0.01")
