"""Spans name the stage of a tick that is at work. Pure: stages get spans from the caller, who has the clock."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal

Stage = Literal["ingest", "bank", "vad", "features", "gate", "model", "second_ear", "rules", "signals", "report"]

Spans = Callable[[Stage], AbstractContextManager[None]]
"""`with spans(stage):` encloses a stage's work."""

_NOTHING: Final = nullcontext()


def untimed(_stage: Stage) -> AbstractContextManager[None]:
    """Enclose a stage's work without timing it."""
    return _NOTHING
