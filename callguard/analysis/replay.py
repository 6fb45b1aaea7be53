"""Play recordings through the live pipeline: the same stages, hop by hop, with seconds of audio as the clock.

Many recordings are played side by side, as the service hears many calls. Each gives the same result as alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.recordings import LEGS
from callguard.audio.bank import LegBank
from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, HOP_S, SAMPLE_RATE
from callguard.contracts.messages import CallFacts, Transition
from callguard.contracts.vocabulary import Mode, Role
from callguard.models import emotion, gate
from callguard.rules import RuleEngine, RuleSet
from callguard.signals.table import CALL_SIGNALS, LEG_INDEX, LEG_SIGNALS, SignalTable
from callguard.worker.pipeline import Models, Pipeline

HOP_SAMPLES: Final = HOP_FRAMES * FRAME_SAMPLES
BATCH: Final = 32
"""Recordings played side by side: they share the cost of a tick, and are few enough to show progress."""
T = TypeVar("T")


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


def replay(pcm: NDArray[np.int16], models: Models, rules: RuleSet, mode: Mode = "raised_voice") -> Replay:
    """Play one recording; see `replay_all`."""
    return replay_all([pcm], models, rules, mode)[0]


def replay_all(
    recordings: Sequence[NDArray[np.int16]], models: Models, rules: RuleSet, mode: Mode = "raised_voice"
) -> list[Replay]:
    """Play recordings side by side through a pipeline of their own.

    Args:
        recordings: 8 kHz samples of each, shape (1 or 2, samples): customer, agent.
        models: models with two rows for each recording; their memory of those rows is cleared.
        rules: rules to evaluate.
        mode: analysis mode.
    """
    table = SignalTable(len(LEGS) * len(recordings), len(recordings))
    pipeline = Pipeline(LegBank(len(LEGS) * len(recordings)), table, RuleEngine(rules, table), models)
    tracks = [_open(pipeline, call, pcm, mode) for call, pcm in enumerate(recordings)]
    for hop in range(max((track.hops for track in tracks), default=0)):
        going = [track for track in tracks if hop < track.hops]
        pipeline.bank.push(
            np.repeat([row for track in going for row in track.rows], HOP_FRAMES),
            np.concatenate([track.frames[:, hop] for track in going]).reshape(-1, FRAME_SAMPLES),
        )
        for change in pipeline.tick(round((hop + 1) * HOP_S, 3)):
            tracks[int(change.call)].take(change, hop)
        for track in going:
            track.note(hop, pipeline)
    return [track.finished() for track in tracks]


def batches(wanted: Sequence[T]) -> list[Sequence[T]]:
    """Split recordings into batches that are played side by side."""
    return [wanted[first : first + BATCH] for first in range(0, len(wanted), BATCH)]


class _Track:
    """One recording during its replay."""

    def __init__(self, call: int, pcm: NDArray[np.int16], rows: list[int]) -> None:
        self.call = call
        self.rows = rows
        self.hops = -(-pcm.shape[1] // HOP_SAMPLES)
        padded = np.zeros((len(pcm), self.hops * HOP_SAMPLES), np.int16)
        padded[:, : pcm.shape[1]] = pcm
        self.frames = padded.reshape(len(pcm), self.hops, HOP_FRAMES, FRAME_SAMPLES)
        self._seconds = pcm.shape[1] / SAMPLE_RATE
        self._signals = np.empty((self.hops, len(pcm), len(LEG_SIGNALS)), np.float32)
        self._call_signals = np.empty((self.hops, len(CALL_SIGNALS)), np.float32)
        self._reasons = np.empty((self.hops, len(pcm)), np.int8)
        self._transitions: list[Transition] = []

    def take(self, change: Transition, hop: int) -> None:
        """Keep a rule's transition, unless the recording is over."""
        if hop < self.hops:
            self._transitions.append(change)

    def note(self, hop: int, pipeline: Pipeline) -> None:
        """Keep the signals of one hop."""
        self._signals[hop] = pipeline.table.leg[:, self.rows].T
        self._call_signals[hop] = pipeline.table.call[:, self.call]
        self._reasons[hop] = pipeline.reason[self.rows]

    def finished(self) -> Replay:
        """Return the results."""
        legs = LEGS[: len(self.rows)]
        alerts = tuple(_alerts(self._transitions))
        return Replay(self._seconds, legs, self._signals, self._call_signals, self._reasons, alerts)


def _open(pipeline: Pipeline, call: int, pcm: NDArray[np.int16], mode: Mode) -> _Track:
    pipeline.open_call(call, CallFacts(str(call), mode=mode))
    rows = [pipeline.bank.open() for _ in pcm]
    for row, role in zip(rows, LEGS[: len(pcm)], strict=True):
        pipeline.open_leg(row, call, role)
    return _Track(call, pcm, rows)


def load_models(capacity: int = BATCH * len(LEGS), path: Path | None = None, threads: int = 1) -> Models:
    """Open the gate and the emotion model (shipped, or at `path`); raise ModelError where one is unusable."""
    return Models(
        emotion.EmotionModel(capacity, path or emotion.SHIPPED, threads), gate.GateModel(capacity, threads=threads)
    )


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
