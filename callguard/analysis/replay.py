"""Play recordings through the live pipeline: the same stages, hop by hop, with seconds of audio as the clock.

Many recordings are played side by side, as the service hears many calls. Each gives the same result as alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.recordings import LEGS, Recording
from callguard.audio.bank import LegBank
from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, HOP_S, SAMPLE_RATE
from callguard.contracts.messages import CallFacts, Transition
from callguard.contracts.vocabulary import Mode, Role
from callguard.models import emotion, gate
from callguard.models.card import ModelError
from callguard.models.second_ear import open_second_ear
from callguard.rules import RuleEngine, RuleSet
from callguard.signals.table import CALL_SIGNALS, LEG_INDEX, LEG_SIGNALS, SignalTable
from callguard.worker.pipeline import Models, Pipeline

HOP_SAMPLES: Final = HOP_FRAMES * FRAME_SAMPLES
BATCH: Final = 32
"""Recordings played side by side: they share the cost of a tick, and are few enough to show progress."""
FIRST_HOPS: Final = 600
"""Hops for which room is made at first; the room doubles where a recording is longer."""
T = TypeVar("T")
Number = TypeVar("Number", bound=np.generic)
Sound = NDArray[np.int16] | Recording
"""A recording: its samples at 8 kHz, shape (1 or 2, samples): customer, agent; or its file, which is read in blocks."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a rule."""

    rule: str
    leg: str
    severity: str
    fired_at_s: float
    resolved_at_s: float | None
    score: float
    evidence: dict[str, Any]


@dataclass(frozen=True)
class Replay:
    """The pipeline's results for one recording.

    Attributes:
        duration_s: length of the recording.
        legs: parties in the recording.
        signals: leg signals of each hop, shape (hops, legs, len(LEG_SIGNALS)), NaN where not judged.
        call: call signals of each hop, shape (hops, len(CALL_SIGNALS)).
        reasons: audio.gates.Reason of each leg, shape (hops, legs).
        alerts: in order of firing.
    """

    duration_s: float
    legs: tuple[Role, ...]
    signals: NDArray[np.float32]
    call: NDArray[np.float32]
    reasons: NDArray[np.int8]
    alerts: tuple[Alert, ...] = field(default=())

    def column(self, leg: int, name: str) -> NDArray[np.float32]:
        """Return one leg signal over time, shape (hops,)."""
        return self.signals[:, leg, LEG_INDEX[name]]

    def scores(self) -> dict[str, dict[str, float | None]]:
        """Return the maxima and means of the customer's scores."""
        at = self.legs.index("customer")
        raised, anger = self.column(at, "raised_voice"), self.column(at, "anger")
        return {
            "customer": {
                "raised_voice_max": _summary(raised, np.max),
                "raised_voice_mean": _summary(raised, np.mean),
                "anger_max": _summary(anger, np.max),
                "anger_mean": _summary(anger, np.mean),
                "speech_s": round(float(np.nansum(self.column(at, "speech")) * HOP_S), 2),
            }
        }


def replay(sound: Sound, models: Models, rules: RuleSet, mode: Mode = "raised_voice") -> Replay:
    """Play one recording; see `replay_all`."""
    return replay_all([sound], models, rules, mode)[0]


def replay_all(
    recordings: Sequence[Sound], models: Models, rules: RuleSet, mode: Mode = "raised_voice"
) -> list[Replay]:
    """Play recordings side by side through a pipeline of their own.

    Args:
        recordings: the recordings.
        models: models with two rows for each recording; their memory of those rows is cleared.
        rules: rules to evaluate.
        mode: analysis mode.

    Raises:
        RecordingError: a file can't be read to its end.
    """
    table = SignalTable(len(LEGS) * len(recordings), len(recordings))
    pipeline = Pipeline(LegBank(len(LEGS) * len(recordings)), table, RuleEngine(rules, table), models)
    tracks = [_open(pipeline, call, sound, mode) for call, sound in enumerate(recordings)]
    for hop in count():
        going = [track for track in tracks if track.advance()]
        if not going:
            break
        pipeline.bank.push(
            np.repeat([row for track in going for row in track.rows], HOP_FRAMES),
            np.concatenate([track.hop for track in going]).reshape(-1, FRAME_SAMPLES),
        )
        for change in pipeline.tick(round((hop + 1) * HOP_S, 3)):
            tracks[int(change.call)].take(change)
        for track in going:
            track.note(hop, pipeline)
    return [track.finished() for track in tracks]


def batches(wanted: Sequence[T]) -> list[Sequence[T]]:
    """Split recordings into batches that are played side by side."""
    return [wanted[first : first + BATCH] for first in range(0, len(wanted), BATCH)]


class _Track:
    """One recording during its replay.

    Attributes:
        hop: the present samples, shape (legs, HOP_SAMPLES); None once the recording is over.
    """

    def __init__(self, call: int, sound: Sound, rows: list[int]) -> None:
        self.call = call
        self.rows = rows
        self.hop: NDArray[np.int16] | None = None
        self._blocks = _blocks(sound)
        self._unplayed = np.empty((len(rows), 0), np.int16)
        self._samples = 0
        self._hops = 0
        self._signals = np.empty((FIRST_HOPS, len(rows), len(LEG_SIGNALS)), np.float32)
        self._call_signals = np.empty((FIRST_HOPS, len(CALL_SIGNALS)), np.float32)
        self._reasons = np.empty((FIRST_HOPS, len(rows)), np.int8)
        self._transitions: list[Transition] = []

    def advance(self) -> bool:
        """Go to the next hop, the last one filled up with silence; return False when the recording is over."""
        while self._unplayed.shape[1] < HOP_SAMPLES and (block := next(self._blocks, None)) is not None:
            self._samples += block.shape[1]
            self._unplayed = np.concatenate([self._unplayed, block], axis=1)
        self.hop, self._unplayed = self._unplayed[:, :HOP_SAMPLES], self._unplayed[:, HOP_SAMPLES:]
        if self.hop.shape[1] == 0:
            self.hop = None
        else:
            self.hop = np.pad(self.hop, ((0, 0), (0, HOP_SAMPLES - self.hop.shape[1])))
        return self.hop is not None

    def take(self, change: Transition) -> None:
        """Keep a rule's transition, unless the recording is over."""
        if self.hop is not None:
            self._transitions.append(change)

    def note(self, hop: int, pipeline: Pipeline) -> None:
        """Keep the signals of one hop."""
        if hop == len(self._signals):
            self._signals, self._call_signals = _doubled(self._signals), _doubled(self._call_signals)
            self._reasons = _doubled(self._reasons)
        self._signals[hop] = pipeline.table.leg[:, self.rows].T
        self._call_signals[hop] = pipeline.table.call[:, self.call]
        self._reasons[hop] = pipeline.reason[self.rows]
        self._hops = hop + 1

    def finished(self) -> Replay:
        """Return the results."""
        legs = LEGS[: len(self.rows)]
        return Replay(
            self._samples / SAMPLE_RATE,
            legs,
            self._signals[: self._hops],
            self._call_signals[: self._hops],
            self._reasons[: self._hops],
            tuple(_alerts(self._transitions)),
        )


def _doubled(kept: NDArray[Number]) -> NDArray[Number]:
    return np.concatenate([kept, np.empty_like(kept)])


def _blocks(sound: Sound) -> Iterator[NDArray[np.int16]]:
    return sound.blocks() if isinstance(sound, Recording) else iter([sound])


def _open(pipeline: Pipeline, call: int, sound: Sound, mode: Mode) -> _Track:
    pipeline.open_call(call, CallFacts(str(call), mode=mode))
    legs = LEGS[: sound.channels if isinstance(sound, Recording) else len(sound)]
    rows = [pipeline.bank.open() for _ in legs]
    for row, role in zip(rows, legs, strict=True):
        pipeline.open_leg(row, call, role)
    return _Track(call, sound, rows)


def load_models(
    capacity: int = BATCH * len(LEGS),
    path: Path | None = None,
    threads: int = 1,
    *,
    second_ear: bool = True,
    warn: Callable[[str], None] | None = None,
) -> Models:
    """Open the gate, the emotion model (shipped, or at `path`) and the second ear, which hears without a budget.

    Args:
        capacity: rows.
        path: emotion model; None: the shipped one.
        threads: threads of each session.
        second_ear: False leaves the second ear out.
        warn: gets a line where the second ear can't be used and is left out; None: that is an error.

    Raises:
        ModelError: a model is unusable.
    """
    first = emotion.EmotionModel(capacity, path or emotion.SHIPPED, threads)
    return Models(
        first,
        gate.GateModel(capacity, threads=threads),
        open_second_ear(capacity, path, warn or _refuse, threads=threads) if second_ear else None,
    )


def _refuse(fault: str) -> None:
    raise ModelError(fault)


def _alerts(transitions: list[Transition]) -> list[Alert]:
    ends: dict[tuple[str, str], list[float]] = {}
    for change in transitions:
        if change.kind == "resolved":
            ends.setdefault((change.rule, change.leg), []).append(change.at)
    return [_alert(change, ends) for change in transitions if change.kind == "fired"]


def _alert(fired: Transition, ends: dict[tuple[str, str], list[float]]) -> Alert:
    waiting = ends.get((fired.rule, fired.leg), [])
    resolved = round(waiting.pop(0), 2) if waiting else None
    return Alert(
        fired.rule, fired.leg, fired.severity, round(fired.at, 2), resolved, round(fired.score, 4), fired.evidence
    )


def _summary(values: NDArray[np.float32], how: Callable[[NDArray[np.float32]], Any]) -> float | None:
    known = values[np.isfinite(values)]
    return round(float(how(known)), 4) if len(known) else None
