"""Parse the text of an expression to a syntax tree, by recursive descent.

    condition  := all ("or" all)*
    all        := negation ("and" negation)*
    negation   := "not" negation | comparison
    comparison := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)*
    sum        := product (("+" | "-") product)*
    product    := factor (("*" | "/") factor)*
    factor     := "-" factor | number | threshold | signal | function "(" arguments ")" | "(" condition ")"

The parser checks whether a piece is a number or a condition where the piece is used, so that the error points at it.
"""

from collections.abc import Callable, Mapping
from typing import Final, cast, get_args

from callguard.rules.language import symbols
from callguard.rules.language.ast import (
    Arithmetic,
    Comparator,
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
)
from callguard.rules.language.durations import parse_duration
from callguard.rules.language.lexer import ExpressionError, Token, UnknownNameError, tokenize

DEEPEST: Final = 40
"""Most nested levels of brackets, `not` and minus: a person can't read more, and the stack is finite."""
SHORTEST_WINDOW_S: Final = 0.5
LONGEST_WINDOW_S: Final = 120.0
LARGEST: Final = 1e9
RISING_SHARE: Final = 0.05
"""Default amount of `rising`, as a share of the signal's range."""

FUNCTIONS: Final = {
    "avg": "avg(signal, 10s)",
    "max": "max(signal, 10s)",
    "min": "min(signal, 10s)",
    "rate": "rate(signal, 10s)",
    "share_above": "share_above(signal, 0.6, 10s)",
    "rising": "rising(signal, 20s) or rising(signal, 0.1, 20s)",
    "default": "default(value, 0)",
}
WORDS: Final = frozenset({"and", "or", "not"})
_COMPARATORS = frozenset(get_args(Comparator))
_Level = Callable[[], Node]


def parse(text: str, thresholds: Mapping[str, float] | None = None) -> Condition:
    """Return the syntax tree of a condition; `thresholds` are named numbers. Raises ExpressionError."""
    return _Parser(text, thresholds or {}).whole()


class _Parser:
    def __init__(self, text: str, thresholds: Mapping[str, float]) -> None:
        self._text = text
        self._thresholds = thresholds
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        if self._over():
            raise self._error(self._peek, "empty; expected a condition such as customer.raised_voice > 0.6")
        tree = self._condition(self._either())
        if not self._over():
            raise self._error(self._peek, f"unexpected {_shown(self._peek)}; expected and, or, a comparison or the end")
        return tree

    # --- levels of the grammar ---

    def _either(self) -> Node:
        return self._joined("or", self._all)

    def _all(self) -> Node:
        return self._joined("and", self._negation)

    def _joined(self, word: str, part: _Level) -> Node:
        first = part()
        parts = [first]
        while self._take(word):
            parts.append(part())
        if len(parts) == 1:
            return first
        conditions = tuple(self._condition(each) for each in parts)
        return Logic("and" if word == "and" else "or", conditions, (conditions[0].span[0], conditions[-1].span[1]))

    def _negation(self) -> Node:
        token = self._peek
        if not self._take("not"):
            return self._comparison()
        operand = self._condition(self._deeper(token, self._negation))
        return Not(operand, (token.start, operand.span[1]))

    def _comparison(self) -> Node:
        sides = [self._sum()]
        operators: list[Comparator] = []
        while self._peek.text in _COMPARATORS:
            operators.append(cast(Comparator, self._next().text))
            sides.append(self._sum())
        if not operators:
            return sides[0]
        numbers = [self._number(side) for side in sides]
        pairs = tuple(
            Compare(operator, left, right, (left.span[0], right.span[1]))
            for operator, left, right in zip(operators, numbers, numbers[1:], strict=False)
        )
        return pairs[0] if len(pairs) == 1 else Logic("and", pairs, (pairs[0].span[0], pairs[-1].span[1]))

    def _sum(self) -> Node:
        return self._arithmetic("+-", self._product)

    def _product(self) -> Node:
        return self._arithmetic("*/", self._factor)

    def _arithmetic(self, operators: str, part: _Level) -> Node:
        left = part()
        while self._peek.kind == "symbol" and self._peek.text in operators:
            operator = self._next().text
            first, second = self._number(left), self._number(part())
            left = Arithmetic(operator, first, second, (first.span[0], second.span[1]))  # type: ignore[arg-type]  # one of `operators`
        return left

    def _factor(self) -> Node:
        token = self._next()
        if token.text == "-":
            operand = self._number(self._deeper(token, self._factor))
            span = (token.start, operand.span[1])
            return Number(-operand.value, span) if isinstance(operand, Number) else Negative(operand, span)
        if token.text == "(":
            inner = self._deeper(token, self._either)
            self._expect(")", token)
            return inner
        if token.kind == "number":
            return self._literal(token)
        if token.kind == "name" and token.text not in WORDS:
            return self._named(token)
        hint = "; a duration stands only inside a function" if token.kind == "duration" else ""
        raise self._error(token, f"unexpected {_shown(token)}; expected a number, a signal or a function{hint}")

    # --- names and functions ---

    def _named(self, token: Token) -> Node:
        if self._peek.text == "(":
            return self._call(token)
        if "." in token.text:
            return Reading(self._signal(token), (token.start, token.end))
        if token.text in self._thresholds:
            return Number(self._thresholds[token.text], (token.start, token.end))
        near = symbols.nearest(token.text, [*self._thresholds, *map(str, symbols.ALL), *FUNCTIONS])
        known = ", ".join(self._thresholds) or "none defined"
        advice = f"{near}; allowed: scope.signal, a function, a threshold ({known})"
        raise UnknownNameError(self._text, token.start, token.text, advice)

    def _call(self, token: Token) -> Node:
        usage = FUNCTIONS.get(token.text)
        if usage is None:
            near = symbols.nearest(token.text, FUNCTIONS)
            raise self._error(token, f"unknown function {token.text!r}{near}; allowed: {', '.join(FUNCTIONS)}")
        opening = self._next()
        if token.text == "default":
            return self._deeper(opening, lambda: self._default(token, opening))
        ref = self._signal(self._next())
        self._expect(",", opening, usage)
        amount = self._amount(usage) if token.text in {"share_above", "rising"} else None
        seconds = self._window(usage)
        span = (token.start, self._expect(")", opening, usage).end)
        if token.text == "rising":
            return Rising(ref, amount or _noticeable(ref, span), seconds, span)
        if token.text == "share_above" and amount is None:
            raise self._error(token, f"share_above needs an amount; write {usage}")
        return Window(token.text, ref, seconds, span, amount)  # type: ignore[arg-type]  # a key of FUNCTIONS

    def _default(self, token: Token, opening: Token) -> Node:
        value = self._number(self._either())
        self._expect(",", opening, FUNCTIONS["default"])
        otherwise = self._signed(FUNCTIONS["default"])
        end = self._expect(")", opening, FUNCTIONS["default"]).end
        return Default(value, otherwise, (token.start, end))

    def _amount(self, usage: str) -> Number | None:
        if self._peek.kind == "duration":
            return None
        amount = self._signed(usage)
        self._expect(",", self._peek, usage)
        return amount

    def _signed(self, usage: str) -> Number:
        token = self._peek
        minus = self._take("-")
        value = self._factor() if self._peek.kind in {"number", "name"} else None
        if not isinstance(value, Number):
            raise self._error(token, f"expected a number or a threshold; write {usage}")
        return Number(-value.value, (token.start, value.span[1])) if minus else value

    def _window(self, usage: str) -> float:
        token = self._next()
        if token.kind != "duration":
            raise self._error(token, f"expected a duration such as 10s, found {_shown(token)}; write {usage}")
        try:
            seconds = parse_duration(token.text)
        except ValueError as error:
            raise self._error(token, str(error)) from error
        if not SHORTEST_WINDOW_S <= seconds <= LONGEST_WINDOW_S:
            raise self._error(token, f"window {token.text} is out of range; allowed: 500ms to 2m")
        return seconds

    def _signal(self, token: Token) -> Ref:
        if token.kind != "name":
            raise self._error(token, f"expected a signal such as customer.raised_voice, found {_shown(token)}")
        try:
            return symbols.resolve(token.text)
        except ValueError as error:
            raise self._error(token, str(error)) from error

    def _literal(self, token: Token) -> Number:
        value = float(token.text)
        if not value <= LARGEST:
            raise self._error(token, f"number {token.text} is out of range; allowed: up to {LARGEST:g}")
        return Number(value, (token.start, token.end))

    # --- types ---

    def _condition(self, node: Node) -> Condition:
        if isinstance(node, Condition):
            return node
        raise self._mistyped(node, "a number; expected a condition: compare it with something")

    def _number(self, node: Node) -> Numeric:
        if isinstance(node, Numeric):
            return node
        raise self._mistyped(node, "a condition; expected a number: join conditions by and, or")

    def _mistyped(self, node: Node, message: str) -> ExpressionError:
        return ExpressionError(self._text, node.span[0], f"{self._text[slice(*node.span)]!r} is {message}")

    # --- tokens ---

    def _over(self) -> bool:
        return self._peek.kind == "end"

    @property
    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._peek
        if token.kind != "end":
            self._at += 1
        return token

    def _take(self, text: str) -> bool:
        found = self._peek.text == text
        self._at += found
        return found

    def _expect(self, text: str, opening: Token, usage: str = "") -> Token:
        token = self._next()
        if token.text != text:
            hint = f"; write {usage}" if usage else ""
            place = token if token.kind != "end" else opening
            raise self._error(place, f"expected {text!r}, found {_shown(token)}{hint}")
        return token

    def _deeper(self, token: Token, level: _Level) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(token, f"nested deeper than {DEEPEST} levels")
        node = level()
        self._depth -= 1
        return node

    def _error(self, token: Token, message: str) -> ExpressionError:
        return ExpressionError(self._text, token.start, message)


def _shown(token: Token) -> str:
    return "the end" if token.kind == "end" else repr(token.text)


def _noticeable(ref: Ref, span: tuple[int, int]) -> Number:
    signal = symbols.signal_of(ref)
    return Number((signal.high - signal.low) * RISING_SHARE, span)
