"""Split the text of an expression into tokens with exact columns."""

import re
from typing import Final, Literal, NamedTuple

from callguard.rules.language.durations import PART

LONGEST: Final = 1000
"""Longest expression in characters: a person can't review a longer one."""

MOST: Final = 200
"""Most tokens of an expression; the limit also bounds the depth of a long sum's tree."""

Kind = Literal["duration", "number", "name", "symbol", "end"]


class ExpressionError(ValueError):
    """An error in an expression; `line` and `column` count from 1 within the expression."""

    def __init__(self, text: str, offset: int, message: str) -> None:
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - (text.rfind("\n", 0, offset) + 1) + 1
        place = f"column {self.column}" if "\n" not in text.strip() else f"line {self.line} column {self.column}"
        super().__init__(f"{place}: {message}")


class UnknownNameError(ExpressionError):
    """A name that is no threshold; `advice` holds the nearest name and the allowed ones."""

    def __init__(self, text: str, offset: int, name: str, advice: str) -> None:
        super().__init__(text, offset, f"unknown name {name!r}{advice}")
        self.name = name


class Token(NamedTuple):
    """A piece of the text from offset `start` to offset `end`."""

    kind: Kind
    text: str
    start: int
    end: int


_TOKEN = re.compile(
    rf"""
    (?P<space>\s+)
  | (?P<duration>(?:{PART})+(?![A-Za-z0-9_.]))
  | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<symbol><=|>=|==|!=|[-+*/()<>,])
    """,
    re.VERBOSE | re.ASCII,
)
_INSTEAD: Final = {"=": "==", "&": "and", "|": "or", "!": "not", "%": "a share such as 0.8", ";": "and"}


def tokenize(text: str) -> list[Token]:
    """Return the tokens of an expression; the last one has the kind "end". Raises ExpressionError."""
    if len(text) > LONGEST:
        raise ExpressionError(text, LONGEST, f"longer than {LONGEST} characters")
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionError(text, at, _unexpected(text[at]))
        if match.lastgroup != "space":
            tokens.append(_token(match))
        if len(tokens) > MOST:
            raise ExpressionError(text, at, f"more than {MOST} words and signs")
        at = match.end()
    return [*tokens, Token("end", "", len(text), len(text))]


def _token(match: re.Match[str]) -> Token:
    kind: Kind = match.lastgroup  # type: ignore[assignment]  # the groups of _TOKEN are the kinds
    return Token(kind, match.group(), match.start(), match.end())


def _unexpected(character: str) -> str:
    hint = f"; write {_INSTEAD[character]}" if character in _INSTEAD else ""
    return f"unexpected character {character!r}{hint}"
