"""Spans: which stage of a tick is at work. Pure: stages are given the spans, and only the giver looks at a clock."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal

Stage = Literal["ingest", "bank", "vad", "features", "gate", "model", "rules", "signals", "report"]

Spans = Callable[[Stage], AbstractContextManager[None]]
"""`with spans(stage):` encloses a stage's work."""

_NOTHING: Final = nullcontext()


def untimed(_stage: Stage) -> AbstractContextManager[None]:
    """Enclose a stage's work and take no time of it."""
    return _NOTHING
