"""The syntax tree of an expression. Numbers and conditions are different types: `3 and 4` can't be built."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from callguard.contracts.vocabulary import Subject

Scope = Subject
Comparator = Literal["<", "<=", ">", ">=", "==", "!="]
Span = tuple[int, int]
"""Start and end offset in the expression's text."""


class Ref(NamedTuple):
    """A signal of one party or of the call."""

    scope: Scope
    name: str

    def __str__(self) -> str:
        return f"{self.scope}.{self.name}"


@dataclass(frozen=True, slots=True)
class Number:
    """A literal, or a named threshold's value."""

    value: float
    span: Span


@dataclass(frozen=True, slots=True)
class Reading:
    """A signal's present value."""

    ref: Ref
    span: Span


@dataclass(frozen=True, slots=True)
class Window:
    """A number made from a signal's recent past; `above` only in share_above."""

    function: Literal["avg", "max", "min", "rate", "share_above"]
    ref: Ref
    seconds: float
    span: Span
    above: Number | None = None


@dataclass(frozen=True, slots=True)
class Default:
    """A value, or a stand-in where it is not known."""

    value: "Numeric"
    otherwise: Number
    span: Span


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus."""

    operand: "Numeric"
    span: Span


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers joined; a division by zero is not known."""

    operator: Literal["+", "-", "*", "/"]
    left: "Numeric"
    right: "Numeric"
    span: Span


@dataclass(frozen=True, slots=True)
class Compare:
    """Two numbers compared; not known when either is not known."""

    operator: Comparator
    left: "Numeric"
    right: "Numeric"
    span: Span


@dataclass(frozen=True, slots=True)
class Rising:
    """The newer half of the window lies above the older half by more than `by`, in means."""

    ref: Ref
    by: Number
    seconds: float
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """True when the operand is known to be false."""

    operand: "Condition"
    span: Span


@dataclass(frozen=True, slots=True)
class Logic:
    """Conditions joined by one word."""

    word: Literal["and", "or"]
    parts: tuple["Condition", ...]
    span: Span


Numeric = Number | Reading | Window | Default | Negative | Arithmetic
Condition = Compare | Rising | Not | Logic
Node = Numeric | Condition


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below."""
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
    """Return the node and everything below it, in the order of the text."""
    return [node, *(found for child in children(node) for found in walk(child))]
