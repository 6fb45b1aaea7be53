"""Splits the alert store's state into parts, each a text under a key, so that only changes are written. Pure.

A part is written again when its mark differs. The mark holds those facts of the part that can change.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from callguard.alerts.alert import Alert
from callguard.alerts.silences import Silence
from callguard.alerts.state import Ring, StoreState
from callguard.contracts.vocabulary import Verdict

_FIXED: Final = frozenset({"evidence", "annotations", "labels", "actions"})
"""Facts of an alert that change only with its state; they are most of its size."""
_CHANGING: Final = tuple(name for name in Alert.model_fields if name not in _FIXED)
_TIMES: Final = TypeAdapter(list[float])
_COUNTS: Final = TypeAdapter(dict[Verdict, int])
_Part = tuple[str, Hashable, Any]
"""Key, mark and content."""


class Parts:
    """Remembers the mark of each part that was written."""

    def __init__(self, written: Iterable[str] = ()) -> None:
        self._marks: dict[str, Hashable] = dict.fromkeys(written)

    def changes(self, state: StoreState) -> dict[str, str | None]:
        """Return the parts that changed since the last call; None for a part that is gone."""
        marks: dict[str, Hashable] = {}
        changed: dict[str, str | None] = {}
        for key, mark, content in _parts(state):
            marks[key] = mark
            if self._marks.get(key) != mark:
                changed[key] = _text(content)
        changed |= dict.fromkeys(self._marks.keys() - marks.keys())
        self._marks = marks
        return changed


def assemble(parts: Mapping[str, str]) -> StoreState:
    """Build the state from its parts; leave out parts that can't be read (of another version)."""
    state = StoreState()
    for key, text in parts.items():
        kind, _, name = key.partition("|")
        with suppress(ValidationError):
            _take(state, kind, name, text)
    state.past = dict(sorted(state.past.items(), key=lambda item: item[1].fired_at or 0.0))
    for call, ring in list(state.rings.items()):
        ring.alerts = [each for each in ring.alerts if each in state.alerts]
        if not ring.alerts:
            del state.rings[call]
    return state


def _parts(state: StoreState) -> Iterator[_Part]:
    for name, alert in state.alerts.items():
        yield f"alert|{name}", tuple(getattr(alert, fact) for fact in _CHANGING), alert
    for silence in state.silences:
        yield f"silence|{silence.id}", True, silence
    for call, ring in state.rings.items():
        yield f"ring|{call}", (ring.alert, *ring.alerts, ring.supervisors, ring.deadline), ring
    for name, times in state.spent.items():
        yield f"spent|{name}", tuple(times), times
    for name, past in state.past.items():
        yield f"past|{name}", past.verdict or True, past
    for rule, counts in state.verdicts.items():
        yield f"verdicts|{rule}", tuple(counts.items()), counts


def _text(content: Any) -> str:
    if isinstance(content, BaseModel):
        return content.model_dump_json()
    return (_COUNTS if isinstance(content, dict) else _TIMES).dump_json(content).decode()


def _take(state: StoreState, kind: str, name: str, text: str) -> None:
    match kind:
        case "alert":
            state.alerts[name] = Alert.model_validate_json(text)
        case "silence":
            state.silences.append(Silence.model_validate_json(text))
        case "ring":
            state.rings[name] = Ring.model_validate_json(text)
        case "spent":
            state.spent[name] = _TIMES.validate_json(text)
        case "past":
            state.past[name] = Alert.model_validate_json(text)
        case "verdicts":
            state.verdicts[name] = _COUNTS.validate_json(text)
