"""Compile syntax trees to functions over all calls at once.

Conditions have three values: a verdict tells where the condition is known to hold and where it is known not to hold.
Where neither is set, a signal was not judged. `not` swaps the two: an unknown condition stays unknown and never fires.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from callguard.rules.engine.history import Column, History, Need, Series
from callguard.rules.language.ast import (
    Arithmetic,
    Compare,
    Condition,
    Default,
    Logic,
    Negative,
    Node,
    Not,
    Number,
    Numeric,
    Reading,
    Ref,
    Rising,
    Window,
    walk,
)

Bools = NDArray[np.bool_]


class Verdict(NamedTuple):
    """Where a condition is known to hold, and where it is known not to hold; shape (calls,) or scalars."""

    yes: Bools
    no: Bools


@dataclass(slots=True)
class Inputs:
    """The input of expressions in one step.

    Attributes:
        present: present values by signal.
        history: recent values.
        made: window values already computed in this step, shared between rules.
    """

    present: Mapping[Ref, Column]
    history: History
    made: dict[object, Any] = field(default_factory=dict)


Numbers = Callable[[Inputs], Column]
Verdicts = Callable[[Inputs], Verdict]
_Made = TypeVar("_Made")

_OPPOSITE: Final[dict[str, tuple[Any, Any]]] = {
    "<": (operator.lt, operator.ge),
    "<=": (operator.le, operator.gt),
    ">": (operator.gt, operator.le),
    ">=": (operator.ge, operator.lt),
}
"""Both are false on NaN, which gives the third value."""
_ARITHMETIC: Final[dict[str, Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def needs_of(tree: Condition) -> list[Need]:
    """Return the history that an expression needs."""
    return [need for node in walk(tree) if (need := _need(node)) is not None]


def reads_of(tree: Condition) -> list[Ref]:
    """Return the signals that an expression reads, each once, in the order of the text."""
    found = [node.ref for node in walk(tree) if isinstance(node, Reading | Window | Rising)]
    return list(dict.fromkeys(found))


def compile_condition(node: Condition) -> Verdicts:
    """Return a function that judges all calls."""
    match node:
        case Compare():
            return _comparison(node)
        case Rising():
            return _rising(node)
        case Not(operand=operand):
            inner = compile_condition(operand)
            return lambda inputs: Verdict(*reversed(inner(inputs)))
        case Logic(word="and", parts=parts):
            return _joined(parts, operator.and_, operator.or_)
        case Logic(parts=parts):
            return _joined(parts, operator.or_, operator.and_)


def compile_number(node: Numeric) -> Numbers:
    """Return a function that computes a number for all calls; a literal stays a scalar."""
    match node:
        case Number(value=value):
            constant: Any = np.float32(value)
            return lambda _: constant
        case Reading(ref=ref):
            return lambda inputs: inputs.present[ref]
        case Window():
            return _window(node)
        case Default(value=value, otherwise=otherwise):
            inner, instead = compile_number(value), np.float32(otherwise.value)
            return lambda inputs: np.where(np.isnan(known := inner(inputs)), instead, known)
        case Negative(operand=operand):
            positive = compile_number(operand)
            return lambda inputs: -positive(inputs)
        case Arithmetic(left=left, right=right):
            return _arithmetic(node.operator, compile_number(left), compile_number(right))


def _arithmetic(sign: str, left: Numbers, right: Numbers) -> Numbers:
    if sign == "/":
        return lambda inputs: left(inputs) / _nonzero(right(inputs))
    apply = _ARITHMETIC[sign]
    return lambda inputs: apply(left(inputs), right(inputs))


def _nonzero(divisor: Column) -> Column:
    return np.where(divisor == 0, np.float32(np.nan), divisor)


def _comparison(node: Compare) -> Verdicts:
    left, right = compile_number(node.left), compile_number(node.right)
    yes, no = _OPPOSITE.get(node.operator, (None, None))

    def ordered(inputs: Inputs) -> Verdict:
        a, b = left(inputs), right(inputs)
        return Verdict(yes(a, b), no(a, b))

    def equal(inputs: Inputs) -> Verdict:
        a, b = left(inputs), right(inputs)
        return Verdict(a == b, (a < b) | (a > b))

    if yes is not None:
        return ordered
    return equal if node.operator == "==" else lambda inputs: Verdict(*reversed(equal(inputs)))


def _joined(parts: tuple[Condition, ...], on_yes: Any, on_no: Any) -> Verdicts:
    inner = [compile_condition(part) for part in parts]

    def join(inputs: Inputs) -> Verdict:
        verdicts = [part(inputs) for part in inner]
        return Verdict(reduce(on_yes, (each.yes for each in verdicts)), reduce(on_no, (each.no for each in verdicts)))

    return join


def rise(node: Rising) -> Numbers:
    """Return a function that computes how far the mean of the window's newer half lies above that of the older half."""
    series = Series(node.ref)
    return lambda inputs: _shared(
        inputs, ("rise", series, node.seconds), lambda: _rise(inputs.history, series, node.seconds)
    )


def _rising(node: Rising) -> Verdicts:
    by, risen = np.float32(node.by.value), rise(node)

    def judge(inputs: Inputs) -> Verdict:
        amount = risen(inputs)
        return Verdict(amount > by, amount <= by)

    return judge


def _window(node: Window) -> Numbers:
    series, seconds = _series(node), node.seconds
    work = _WORK[node.function]
    return lambda inputs: _shared(
        inputs, (node.function, series, seconds), lambda: work(inputs.history, series, seconds)
    )


def _series(node: Window) -> Series:
    return Series(node.ref, float(np.float32(node.above.value)) if node.above else None)


def _need(node: Node) -> Need | None:
    if isinstance(node, Rising):
        return Need(Series(node.ref), node.seconds)
    if isinstance(node, Window):
        return Need(_series(node), node.seconds, node.function in {"max", "min"})
    return None


def _shared(inputs: Inputs, key: object, make: Callable[[], _Made]) -> _Made:
    if key not in inputs.made:
        inputs.made[key] = make()
    made: _Made = inputs.made[key]
    return made


def _mean(history: History, series: Series, seconds: float) -> Column:
    return history.rings[series].mean(history.hops(seconds))


def _share(history: History, series: Series, seconds: float) -> Column:
    hops = history.hops(seconds)
    return history.rings[series].share(hops)


def _highest(history: History, series: Series, seconds: float) -> Column:
    return history.rings[series].extreme(history.hops(seconds), np.fmax)


def _lowest(history: History, series: Series, seconds: float) -> Column:
    return history.rings[series].extreme(history.hops(seconds), np.fmin)


def _rise(history: History, series: Series, seconds: float) -> Column:
    half = max(1, history.hops(seconds) // 2)
    ring = history.rings[series]
    return ring.mean(half) - ring.mean(half, ago=half)


def _rate(history: History, series: Series, seconds: float) -> Column:
    between = np.float32(max(1, history.hops(seconds) // 2) * history.hop_s)
    return _rise(history, series, seconds) / between


_WORK: Final[dict[str, Callable[[History, Series, float], Column]]] = {
    "avg": _mean,
    "share_above": _share,
    "max": _highest,
    "min": _lowest,
    "rate": _rate,
}
