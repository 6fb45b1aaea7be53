"""Compile a rule: its verdict over all calls, and both sides of each comparison for the evidence."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from callguard.rules.engine.compiler import Inputs, Numbers, Verdicts, compile_condition, compile_number, rise
from callguard.rules.engine.rule import Rule
from callguard.rules.language import symbols
from callguard.rules.language.ast import Compare, Number, Numeric, Reading, Rising, Window, walk

_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of a rule: a value and its threshold.

    Attributes:
        text: the comparison as the author wrote it.
        operator: the comparison, with the value on the left.
        model: whether the value is a model output.
    """

    text: str
    operator: str
    value: Numbers
    threshold: Numbers
    holds: Verdicts
    model: bool

    def at(self, inputs: Inputs, call: int) -> tuple[float, float, bool]:
        """Return the value, the threshold and whether the comparison holds, on one call."""
        value, threshold = (_pick(side(inputs), call) for side in (self.value, self.threshold))
        return value, threshold, bool(_pick(self.holds(inputs).yes, call))


@dataclass(frozen=True, slots=True)
class Program:
    """A rule and its compiled functions."""

    rule: Rule
    verdict: Verdicts
    checks: tuple[Check, ...]


def compile_rule(rule: Rule) -> Program:
    """Compile a rule; every step evaluates the result for all calls."""
    return Program(rule, compile_condition(rule.tree), tuple(_check(rule, node) for node in rule.comparisons))


def _check(rule: Rule, node: Compare | Rising) -> Check:
    text = rule.written(node)
    holds = compile_condition(node)
    if isinstance(node, Rising):
        return Check(text, ">", rise(node), compile_number(node.by), holds, node.ref in symbols.MODEL)
    value, operator, threshold = _oriented(node)
    return Check(text, operator, compile_number(value), compile_number(threshold), holds, _is_model(value))


def _oriented(node: Compare) -> tuple[Numeric, str, Numeric]:
    if isinstance(node.left, Number) and not isinstance(node.right, Number):
        return node.right, _MIRRORED[node.operator], node.left
    return node.left, node.operator, node.right


def _is_model(node: Numeric) -> bool:
    return any(inner.ref in symbols.MODEL for inner in walk(node) if isinstance(inner, Reading | Window))


def _pick(values: object, call: int) -> float:
    column = np.asarray(values)
    return float(column[call] if column.ndim else column)
