"""Read stored signal history in the CSV of `callguard analyze --signals`: one row for each hop and leg.

    t_s,leg,speech,level_dbfs,…
    0.1,customer,0.00,-62.1,…

Columns are signals by name; an empty cell means not judged. Signals of the call may stand in rows of leg `call` or of
either party.
"""

import csv
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import HOP_S
from callguard.config import ConfigError
from callguard.contracts.messages import CallFacts
from callguard.rules.authoring.replay import Recorded, usual
from callguard.rules.language.ast import Ref, Scope
from callguard.rules.language.symbols import nearest
from callguard.signals.table import CALL_INDEX, LEG_INDEX

LONGEST_S: Final = 24 * 3600.0
LEGS: Final = ("customer", "agent", "call")

WORDS: Final = frozenset({"t_s", "leg", "unjudged"})
"""Columns that hold no signals."""


def read_signals(name: str, lines: Iterable[str], facts: CallFacts) -> Recorded:
    """Return one call's signals; raise ConfigError that names file, line and column."""
    reader = csv.reader(lines)
    columns = _columns(name, next(reader, []))
    cells: dict[Ref, dict[int, float]] = {}
    last = -1
    for row in reader:
        if not row:
            continue
        step, leg = _place(f"{name}:{reader.line_num}", row, columns)
        last = max(last, step)
        for column, text in zip(columns, row, strict=True):
            if text and column not in WORDS:
                ref = _ref(column, leg)
                cells.setdefault(ref, {})[step] = _number(f"{name}:{reader.line_num}: {column}", text)
    signals = {ref: _filled(values, last + 1) for ref, values in cells.items()}
    return Recorded(name, usual(last + 1, HOP_S) | signals, replace(facts, call=name))


def _columns(name: str, header: list[str]) -> list[str]:
    known = {*WORDS, *LEG_INDEX, *CALL_INDEX}
    if not {"t_s", "leg"} <= set(header) or len(set(header)) != len(header):
        raise ConfigError(
            [f"{name}:1: found {','.join(header)[:80]!r}, expected the columns t_s,leg,signal…, each once"]
        )
    for column in header:
        if column not in known:
            raise ConfigError([f"{name}:1: unknown signal {column!r}{nearest(column, known)}"])
    return header


def _place(place: str, row: list[str], columns: list[str]) -> tuple[int, Scope]:
    if len(row) != len(columns):
        raise ConfigError([f"{place}: {len(row)} cells, expected {len(columns)}"])
    at, leg = _number(f"{place}: t_s", row[columns.index("t_s")]), row[columns.index("leg")]
    if not 0 <= at <= LONGEST_S:
        raise ConfigError([f"{place}: t_s {at:g} is out of range; allowed: 0 to {LONGEST_S:g}"])
    if leg not in LEGS:
        raise ConfigError([f"{place}: leg {leg[:40]!r}; allowed: {', '.join(LEGS)}"])
    return max(0, round(at / HOP_S) - 1), leg  # type: ignore[return-value]  # checked to be a Scope


def _ref(column: str, leg: Scope) -> Ref:
    return Ref("call" if column in CALL_INDEX else leg, column)


def _number(place: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError([f"{place}: {text[:40]!r} is not a number"]) from None


def _filled(values: dict[int, float], steps: int) -> NDArray[np.float32]:
    filled = np.full(steps, np.nan, np.float32)
    filled[list(values)] = list(values.values())
    return filled
