"""Fill values into annotations: "The customer is at {customer.raised_voice:.0%} after {call.elapsed_s:.0f} s".

Braces hold a signal, or one of the facts queue, language, mode and rule; `{{` and `}}` stand for literal braces.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from callguard.rules.language import symbols
from callguard.rules.language.ast import Ref
from callguard.rules.language.lexer import ExpressionError

FACTS: Final = ("queue", "language", "mode", "rule")
UNKNOWN: Final = "unjudged"
LONGEST: Final = 1000

FORM: Final = "write a signal in single braces, such as {customer.raised_voice:.0%}"
_GO = re.compile(r"\{\{-?\s*(?P<inner>[^{}]*?)\s*-?\}\}(?!\})")
"""Doubled braces around something: literal braces here, and a value in Prometheus."""
_GO_WORDS = re.compile(r"[$|]|^\.|^(?:humanize|printf|query|range|if|end|with|template)\b")
_LABEL = re.compile(r"\$labels\.(\w+)")
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FORMAT = re.compile(r"\.[0-6][f%]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """One value in a text."""

    source: Ref | str
    format: str = ".2f"


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text and fields, in order."""

    pieces: tuple[str | Field, ...]

    @property
    def reads(self) -> tuple[Ref, ...]:
        """Return the signals in the text."""
        return tuple(p.source for p in self.pieces if isinstance(p, Field) and isinstance(p.source, Ref))

    def fill(self, value: Callable[[Ref], float], facts: Mapping[str, str | None]) -> str:
        """Return the text with present values; an unknown signal reads "unjudged"."""
        return "".join(piece if isinstance(piece, str) else _show(piece, value, facts) for piece in self.pieces)


def parse_template(text: str) -> Template:
    """Return the template; raise ExpressionError at the wrong brace."""
    if len(text) > LONGEST:
        raise ExpressionError(text, LONGEST, f"longer than {LONGEST} characters")
    _refuse_go(text)
    pieces: list[str | Field] = []
    at = 0
    for match in _PIECE.finditer(text):
        pieces.append(text[at : match.start()])
        pieces.append(_piece(text, match))
        at = match.end()
    return Template(tuple(piece for piece in [*pieces, text[at:]] if piece != ""))


def _refuse_go(text: str) -> None:
    """Refuse Prometheus' form of a value, which would stand in the text as literal braces."""
    for match in _GO.finditer(text):
        inner = match["inner"]
        if text[: match.start()].endswith("{") or not inner:
            continue
        label = _LABEL.search(inner)
        if label and label[1] in FACTS:
            form = f"write {{{label[1]}}}"
        elif _GO_WORDS.search(inner):
            form = f"{FORM}, or one of {', '.join(f'{{{fact}}}' for fact in FACTS)}"
        elif _is_field(inner):
            form = f"write {{{inner}}}"
        else:
            continue
        raise ExpressionError(text, match.start(), f"{match.group()} would stand in the text as it is; {form}")


def _is_field(inner: str) -> bool:
    try:
        _field(inner)
    except ValueError:
        return False
    return True


def _piece(text: str, match: re.Match[str]) -> str | Field:
    if match.group() in {"{{", "}}"}:
        return match.group()[0]
    if match.group(1) is None:
        raise ExpressionError(text, match.start(), "a single brace; write {{ or }} for a brace itself")
    try:
        return _field(match.group(1).strip())
    except ValueError as error:
        raise ExpressionError(text, match.start(), str(error)) from error


def _field(inner: str) -> Field:
    name, colon, style = inner.partition(":")
    if colon and not _FORMAT.fullmatch(style):
        raise ValueError(f"format {style!r}; allowed: .0f to .6f, .0% to .6%")
    if name in FACTS:
        return Field(name)
    try:
        return Field(symbols.resolve(name), style or ".2f")
    except ValueError as error:
        raise ValueError(f"{error}; or one of {', '.join(FACTS)}") from error


def _show(piece: Field, value: Callable[[Ref], float], facts: Mapping[str, str | None]) -> str:
    if isinstance(piece.source, str):
        return facts.get(piece.source) or "none"
    present = value(piece.source)
    return format(present, piece.format) if math.isfinite(present) else UNKNOWN
