"""Build the evidence of an alert: plain data by which a supervisor can check why it fired."""

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from callguard.rules.engine.compiler import Inputs
from callguard.rules.engine.history import CURVE_STEP_S, Column, Curves
from callguard.rules.engine.program import Check, Program
from callguard.rules.engine.rule import Rule, reads_agent_voice
from callguard.rules.language.ast import Ref

Read = Callable[[Ref], float]
"""Returns a signal's present value on the alert's call; NaN where not known."""

ALWAYS_SHOWN: Final = (Ref("customer", "raised_voice"), Ref("customer", "level_rise_db"))
"""Curves in the evidence of every rule: an agent's request for help, too, shows how the customer sounded."""
RECENT_POINTS: Final = 20
"""Newest points of a curve (10 s) on which confidence rests."""
ENOUGH_POINTS: Final = 6
"""Judged points (3 s of speech) that give full confidence: one word often misleads, three seconds seldom do."""
_AGENT_SIDE: Final = (
    Ref("agent", "level_rise_db"),
    Ref("agent", "speech"),
    Ref("call", "talk_over"),
    Ref("call", "interruptions_agent"),
    Ref("call", "interruptions_customer"),
)


def curve_refs(rule: Rule) -> tuple[Ref, ...]:
    """Return the signals whose curves belong to a rule's evidence."""
    hidden = () if rule.private else reads_agent_voice(rule.reads)
    return tuple(dict.fromkeys([*(ref for ref in rule.reads if ref not in hidden), *ALWAYS_SHOWN]))


def evidence(program: Program, inputs: Inputs, call: int, read: Read) -> dict[str, Any]:
    """Return an alert's evidence as JSON-able data; None stands for a value that was not judged."""
    rule = program.rule
    quality = read(Ref("agent" if rule.leg == "agent" else "customer", "quality"))
    return {
        "expr": " ".join(rule.expr.split()),
        "for_s": rule.for_s,
        "comparisons": [_comparison(check, inputs, call) for check in program.checks],
        "thresholds": rule.named,
        "baseline": _baseline(rule, read),
        "curve": _curve(rule, inputs.history.curves, call, read),
        "confidence": _confidence(rule, inputs.history.curves, call, quality),
        "quality": number(quality),
        "basis": rule.basis,
        "agent_side": {str(ref): number(read(ref)) for ref in _AGENT_SIDE},
        "elapsed_s": number(read(Ref("call", "elapsed_s"))),
    }


def score(program: Program, inputs: Inputs, call: int) -> float:
    """Return a rank of 0-1: the strongest model output that exceeds its threshold, else the largest excess."""
    found = [(check, *check.at(inputs, call)) for check in program.checks]
    held = [(check, value, threshold) for check, value, threshold, holds in found if holds]
    model = [value for check, value, _ in held if check.model]
    excess = [_excess(check, value, threshold) for check, value, threshold in held]
    strongest = max(model or excess, default=0.0)
    return round(min(1.0, max(0.0, strongest)), 4)


def number(value: float) -> float | None:
    """Return a finite value rounded to four digits, else None."""
    return round(value, 4) if math.isfinite(value) else None


def _excess(check: Check, value: float, threshold: float) -> float:
    if check.operator == "==":
        return 1.0
    return abs(value - threshold) / max(abs(threshold), 1.0)


def _comparison(check: Check, inputs: Inputs, call: int) -> dict[str, Any]:
    value, threshold, holds = check.at(inputs, call)
    return {
        "text": check.text,
        "value": number(value),
        "operator": check.operator,
        "threshold": number(threshold),
        "holds": holds,
    }


def _baseline(rule: Rule, read: Read) -> dict[str, float | None]:
    """Return the speaker's own calm level and pitch: the present values minus their rises."""
    party: Any = "agent" if rule.leg == "agent" else "customer"
    level = read(Ref(party, "level_dbfs")) - read(Ref(party, "level_rise_db"))
    pitch = read(Ref(party, "pitch_hz")) / 2 ** (read(Ref(party, "pitch_rise_st")) / 12)
    return {"level_dbfs": number(level), "pitch_hz": number(pitch)}


def _curve(rule: Rule, curves: Curves, call: int, read: Read) -> dict[str, Any]:
    signals = {str(ref): [*_numbers(curves.of(ref, call)), number(read(ref))] for ref in curve_refs(rule)}
    return {"step_s": CURVE_STEP_S, "signals": signals}


def _numbers(values: Column) -> list[float | None]:
    """Do as `number` does, for a whole curve at once."""
    return [round(value, 4) if math.isfinite(value) else None for value in values.tolist()]


def _confidence(rule: Rule, curves: Curves, call: int, quality: float) -> float | None:
    """Return line quality times the share of ENOUGH_POINTS in which the rule's most judged signal was judged."""
    judged = max(int(np.isfinite(curves.of(ref, call)[-RECENT_POINTS:]).sum()) for ref in curve_refs(rule))
    return number(quality * min(1.0, judged / ENOUGH_POINTS))
