"""The syntax tree of an expression. Numbers and conditions have different types, so `3 and 4` can't be built."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from callguard.contracts.vocabulary import Subject

Scope = Subject
Comparator = Literal["<", "<=", ">", ">=", "==", "!="]
Span = tuple[int, int]
"""Start and end offsets in the expression's text."""


class Ref(NamedTuple):
    """A signal of one party or of the call."""

    scope: Scope
    name: str

    def __str__(self) -> str:
        return f"{self.scope}.{self.name}"


@dataclass(frozen=True, slots=True)
class Number:
    """A literal, or the value of a named threshold."""

    value: float
    span: Span


@dataclass(frozen=True, slots=True)
class Reading:
    """A signal's present value."""

    ref: Ref
    span: Span


@dataclass(frozen=True, slots=True)
class Window:
    """A number computed from a signal's recent past; `above` is set only in share_above."""

    function: Literal["avg", "max", "min", "rate", "share_above"]
    ref: Ref
    seconds: float
    span: Span
    above: Number | None = None


@dataclass(frozen=True, slots=True)
class Default:
    """A value, or a default where the value is not known."""

    value: "Numeric"
    otherwise: Number
    span: Span


@dataclass(frozen=True, slots=True)
class Negative:
    """The negative of a number."""

    operand: "Numeric"
    span: Span


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers joined by an operator; the result of a division by zero is not known."""

    operator: Literal["+", "-", "*", "/"]
    left: "Numeric"
    right: "Numeric"
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of two numbers; not known where either number is not known."""

    operator: Comparator
    left: "Numeric"
    right: "Numeric"
    span: Span


@dataclass(frozen=True, slots=True)
class Rising:
    """True where the mean of the window's newer half lies more than `by` above the mean of its older half."""

    ref: Ref
    by: Number
    seconds: float
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """True where the operand is known to be false."""

    operand: "Condition"
    span: Span


@dataclass(frozen=True, slots=True)
class Logic:
    """Conditions joined by `and` or by `or`."""

    word: Literal["and", "or"]
    parts: tuple["Condition", ...]
    span: Span


Numeric = Number | Reading | Window | Default | Negative | Arithmetic
Condition = Compare | Rising | Not | Logic
Node = Numeric | Condition


def children(node: Node) -> tuple[Node, ...]:
    """Return the direct children of a node."""
    match node:
        case Window(above=Number() as above):
            return (above,)
        case Default(value=value, otherwise=otherwise):
            return (value, otherwise)
        case Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return (left, right)
        case Rising(by=by):
            return (by,)
        case Logic(parts=parts):
            return parts
        case _:
            return ()


def walk(node: Node) -> list[Node]:
    """Return a node and all nodes below it, in the order of the text."""
    return [node, *(found for child in children(node) for found in walk(child))]
