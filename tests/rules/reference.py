"""Random expressions together with what they mean, worked out one call and one value at a time.

Each strategy yields `Piece`s: text, how tightly it binds, and a plain Python function of a call's past. Nothing here
uses the parser or the compiler.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

HOP_S = 0.1
SIGNALS = ("customer.raised_voice", "customer.level_rise_db", "agent.speech", "call.talk_over")
THRESHOLDS = {"half": 0.5, "one": 1.0}

Past = dict[str, list[float]]
"""Values of one call, oldest first, NaN where not judged."""

OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, ATOM = range(8)
NAN = np.float32(math.nan)


class Piece(NamedTuple):
    text: str
    binds: int
    value: Callable[[Past], Any]
    """Numbers: np.float32. Conditions: True, False, or None for unknown."""


def at_least(piece: Piece, binds: int) -> str:
    return piece.text if piece.binds >= binds else f"({piece.text})"


def window(past: Past, signal: str, hops: int, ago: int = 0) -> list[float]:
    values = past[signal][: max(0, len(past[signal]) - ago)][-hops:]
    return [value for value in values if not math.isnan(value)]


def mean(values: list[float], hops: int) -> np.float32:
    if len(values) < max(1, math.ceil(hops / 5)):
        return NAN
    return np.float32(math.fsum(values) / len(values))


def rise(past: Past, signal: str, hops: int) -> np.float32:
    half = hops // 2
    return mean(window(past, signal, half), half) - mean(window(past, signal, half, half), half)


def both(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def negated(a: bool | None) -> bool | None:
    return None if a is None else not a


def compared(sign: str, a: np.float32, b: np.float32) -> bool | None:
    if np.isnan(a) or np.isnan(b):
        return None
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[sign].item()


def calculated(sign: str, a: np.float32, b: np.float32) -> np.float32:
    with np.errstate(all="ignore"):
        if sign == "/":
            return NAN if b == 0 else a / b
        return {"+": a + b, "-": a - b, "*": a * b}[sign]


eighths = st.integers(0, 32).map(lambda n: n / 8)
literals = eighths.map(lambda v: Piece(f"{v:g}", ATOM, lambda _: np.float32(v)))
named = st.sampled_from(sorted(THRESHOLDS)).map(lambda n: Piece(n, ATOM, lambda _: np.float32(THRESHOLDS[n])))
readings = st.sampled_from(SIGNALS).map(lambda s: Piece(s, ATOM, lambda past: np.float32(past[s][-1])))
spans = st.sampled_from([("500ms", 5), ("1s", 10), ("2s", 20)])


@st.composite
def windows(draw: st.DrawFn) -> Piece:
    signal, (length, hops) = draw(st.sampled_from(SIGNALS)), draw(spans)
    function = draw(st.sampled_from(["avg", "max", "min", "rate"]))
    meaning: dict[str, Callable[[Past], Any]] = {
        "avg": lambda past: mean(window(past, signal, hops), hops),
        "max": lambda past: np.float32(max(window(past, signal, hops), default=math.nan)),
        "min": lambda past: np.float32(min(window(past, signal, hops), default=math.nan)),
        "rate": lambda past: rise(past, signal, hops) / np.float32(hops // 2 * HOP_S),
    }
    return Piece(f"{function}({signal}, {length})", ATOM, meaning[function])


@st.composite
def shares(draw: st.DrawFn) -> Piece:
    signal, (length, hops), above = draw(st.sampled_from(SIGNALS)), draw(spans), draw(eighths)

    def value(past: Past) -> np.float32:
        known = window(past, signal, hops)
        if len(known) < max(1, math.ceil(hops / 5)):
            return NAN
        return np.float32(sum(each > above for each in known) / hops)

    return Piece(f"share_above({signal}, {above:g}, {length})", ATOM, value)


@st.composite
def risings(draw: st.DrawFn) -> Piece:
    signal, (length, hops), by = draw(st.sampled_from(SIGNALS)), draw(spans), draw(eighths)
    text = f"rising({signal}, {by:g}, {length})"
    return Piece(text, ATOM, lambda past: compared(">", rise(past, signal, hops), np.float32(by)))


def calculations(inner: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    @st.composite
    def build(draw: st.DrawFn) -> Piece:
        a, b, sign = draw(inner), draw(inner), draw(st.sampled_from("+-*/"))
        binds = SUM if sign in "+-" else PRODUCT
        text = f"{at_least(a, binds)} {sign} {at_least(b, binds + 1)}"
        return Piece(text, binds, lambda past: calculated(sign, a.value(past), b.value(past)))

    minus = inner.map(lambda a: Piece(f"-{at_least(a, UNARY)}", UNARY, lambda past: -a.value(past)))

    @st.composite
    def default(draw: st.DrawFn) -> Piece:
        a, instead = draw(inner), draw(eighths)

        def value(past: Past) -> np.float32:
            found = a.value(past)
            return np.float32(instead) if np.isnan(found) else found

        return Piece(f"default({a.text}, {instead:g})", ATOM, value)

    return build() | minus | default()


numbers = st.recursive(literals | named | readings | windows() | shares(), calculations, max_leaves=4)


@st.composite
def comparisons(draw: st.DrawFn) -> Piece:
    sides = draw(st.lists(numbers, min_size=2, max_size=3))
    signs = [draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="])) for _ in sides[1:]]
    text = at_least(sides[0], SUM) + "".join(f" {s} {at_least(n, SUM)}" for s, n in zip(signs, sides[1:], strict=True))

    def value(past: Past) -> bool | None:
        values = [side.value(past) for side in sides]
        found: bool | None = True
        for sign, a, b in zip(signs, values, values[1:], strict=False):
            found = both(found, compared(sign, a, b))
        return found

    return Piece(text, COMPARE, value)


def combinations(inner: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    @st.composite
    def joined(draw: st.DrawFn) -> Piece:
        a, b, word = draw(inner), draw(inner), draw(st.sampled_from(["and", "or"]))
        binds = AND if word == "and" else OR
        text = f"{at_least(a, binds)} {word} {at_least(b, binds)}"
        if word == "and":
            return Piece(text, binds, lambda past: both(a.value(past), b.value(past)))
        return Piece(text, binds, lambda past: negated(both(negated(a.value(past)), negated(b.value(past)))))

    return joined() | inner.map(lambda a: Piece(f"not {at_least(a, NOT)}", NOT, lambda past: negated(a.value(past))))


conditions = st.recursive(comparisons() | risings(), combinations, max_leaves=4)

values = st.none() | st.integers(-8, 32)
"""Eighths, so that sums are exact in any order; None: not judged."""


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    length = draw(st.integers(1, 30))
    return {
        signal: [math.nan if v is None else v / 8 for v in draw(st.lists(values, min_size=length, max_size=length))]
        for signal in SIGNALS
    }
