"""Read from an alert's evidence how strict a named threshold could have been with the alert still firing.

Strictness is the threshold's value where a higher value is stricter (`signal > name`), and its negative where a lower
value is stricter (`signal < name`). So one comparison, `limit > strictness`, tells for both whether the alert fires.

    signal > name, rising(signal, name, 20s)      the limit is the value, or the rise, in the evidence
    share_above(signal, name, 10s) > share        the limit is the level above which the curve lay for that share
    … and …, … or …                               the lesser (and) or the greater (or) limit of the parts
"""

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

from callguard.rules.engine.history import CURVE_POINTS, CURVE_STEP_S
from callguard.rules.engine.rule import Rule
from callguard.rules.language.ast import Compare, Condition, Logic, Not, Number, Rising, Window, walk

Direction = Literal[1, -1]
"""1: a higher threshold is stricter; -1: a lower one."""

_DIRECTIONS: Final[dict[str, Direction]] = {">": 1, ">=": 1, "<": -1, "<=": -1}
_SIDES: Final[dict[str, Direction]] = {"left": -1, "right": 1}
NEVER: Final = -math.inf
ALWAYS: Final = math.inf

_Comparisons = Mapping[Condition, Mapping[str, Any]]


def direction_of(rule: Rule, name: str) -> Direction | None:
    """Return the direction in which a named threshold of a rule gets stricter; None where it is undecidable.

    It is undecidable for a threshold inside `not`, arithmetic or equality, after a minus, or used in both directions.
    """
    found = [_use(rule, leaf, name) for leaf in _plain(rule.tree)]
    used = [use for use in found if use is not None]
    mentions = sum(_is(rule, node, name) for node in walk(rule.tree))
    return used[0] if len(used) == mentions and len(set(used)) == 1 else None


def limit_of(rule: Rule, name: str, direction: Direction, evidence: Mapping[str, Any]) -> float | None:
    """Return the least strictness at which an alert would not have fired; infinite where the threshold has no effect.

    None where the evidence does not fit the present rule, or lacks the value that the threshold was compared with.
    """
    told = evidence.get("comparisons")
    nodes = rule.comparisons
    if not isinstance(told, list) or [_text(each) for each in told] != [rule.written(node) for node in nodes]:
        return None
    limit = _Limits(rule, name, direction, dict(zip(nodes, told, strict=True)), _curves(evidence)).of(rule.tree)
    return None if limit == NEVER else limit


class _Limits:
    """Evaluates one rule's syntax tree over the evidence of one alert."""

    def __init__(
        self, rule: Rule, name: str, direction: Direction, told: _Comparisons, curves: Mapping[str, Any]
    ) -> None:
        self._rule = rule
        self._name = name
        self._direction = direction
        self._told = told
        self._curves = curves

    def of(self, node: Condition) -> float:
        """Return the strictness at which a condition stops holding."""
        match node:
            case Logic(word=word, parts=parts):
                return (min if word == "and" else max)(map(self.of, parts))
            case Not():
                return ALWAYS if self._known(node) is True else NEVER
        if _use(self._rule, node, self._name) is None:
            return ALWAYS if self._known(node) is True else NEVER
        level = self._level(node)
        return NEVER if level is None else level

    def _known(self, node: Condition) -> bool | None:
        """Return whether a condition held; None where the evidence does not tell."""
        match node:
            case Not(operand=operand):
                held = self._known(operand)
                return None if held is None else not held
            case Logic(word=word, parts=parts):
                held_by = {self._known(part) for part in parts}
                deciding = word == "or"
                return deciding if deciding in held_by else None if None in held_by else not deciding
        told = self._told[node]
        return bool(told.get("holds")) if _numbers(told) else None

    def _level(self, node: Condition) -> float | None:
        told = self._told[node]
        if not _numbers(told):
            return None
        if isinstance(node, Compare) and (window := _share(self._rule, node, self._name)):
            return self._share_level(window, told)
        value = float(told["value"]) * self._direction
        return math.nextafter(value, math.inf) if "=" in told["operator"] else value

    def _share_level(self, window: Window, told: Mapping[str, Any]) -> float | None:
        """Return the level above which the curve lay for the required share of the window."""
        points = self._curves.get(str(window.ref))
        count = round(window.seconds / CURVE_STEP_S)
        if not isinstance(points, list) or not 0 < count <= CURVE_POINTS:
            return None
        wanted = float(told["threshold"]) * count
        needed = math.ceil(wanted - 1e-9) if told["operator"] == ">=" else math.floor(wanted + 1e-9) + 1
        before = points[:-1][-count:]  # the last point is the present, off the half-second grid
        known = sorted((float(point) for point in before if _is_number(point)), reverse=True)
        return known[needed - 1] if 0 < needed <= len(known) else None


def _plain(node: Condition) -> list[Compare | Rising]:
    """Return the comparisons outside any `not`."""
    match node:
        case Logic(parts=parts):
            return [leaf for part in parts for leaf in _plain(part)]
        case Not():
            return []
        case _:
            return [node]


def _use(rule: Rule, leaf: Condition, name: str) -> Direction | None:
    """Return the direction in which a threshold makes a comparison stricter; None unless it is an operand by itself."""
    if isinstance(leaf, Rising):
        return 1 if _is(rule, leaf.by, name) else None
    if not isinstance(leaf, Compare) or leaf.operator not in _DIRECTIONS:
        return None
    if _share(rule, leaf, name):
        return 1
    sides = [side for side in _SIDES if _is(rule, getattr(leaf, side), name)]
    other = leaf.left if sides == ["right"] else leaf.right
    if len(sides) != 1 or isinstance(other, Number):
        return None
    return 1 if _DIRECTIONS[leaf.operator] == _SIDES[sides[0]] else -1


def _share(rule: Rule, node: Compare, name: str) -> Window | None:
    """Return the window of `share_above(signal, name, 10s) > share`."""
    window = node.left
    if not isinstance(window, Window) or window.above is None or not _is(rule, window.above, name):
        return None
    return window if node.operator in {">", ">="} and isinstance(node.right, Number) else None


def _is(rule: Rule, node: object, name: str) -> bool:
    return isinstance(node, Number) and rule.written(node) == name


def _text(told: object) -> object:
    return told.get("text") if isinstance(told, dict) else None


def _curves(evidence: Mapping[str, Any]) -> Mapping[str, Any]:
    curve = evidence.get("curve")
    signals = curve.get("signals") if isinstance(curve, dict) else None
    return signals if isinstance(signals, dict) else {}


def _numbers(told: Mapping[str, Any]) -> bool:
    return _is_number(told.get("value")) and _is_number(told.get("threshold"))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
