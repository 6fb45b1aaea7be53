"""A recording through the live pipeline: the same stages, hop by hop, with seconds of audio for time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.recordings import LEGS
from callguard.audio.bank import LegBank
from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, HOP_S, SAMPLE_RATE
from callguard.messages import CallFacts, Mode, Role, Transition
from callguard.models import emotion, gate
from callguard.pipeline import Models, Pipeline
from callguard.rules import RuleEngine, RuleSet
from callguard.signals import CALL_SIGNALS, LEG_INDEX, LEG_SIGNALS, SignalTable

HOP_SAMPLES: Final = HOP_FRAMES * FRAME_SAMPLES
_CALL: Final = 0


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
    """What the pipeline made of a recording.

    Attributes:
        duration_s: of the recording.
        legs: which parties it holds.
        signals: per hop and leg, shape (hops, legs, len(LEG_SIGNALS)), NaN where not judged.
        call: per hop, shape (hops, len(CALL_SIGNALS)).
        reasons: why a leg was not judged, of audio.gates.Reason, shape (hops, legs).
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
        """Return the customer's maxima and means, for programs."""
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
    """Play channels through a pipeline of their own.

    Args:
        pcm: 8 kHz samples, shape (1 or 2, samples): customer, agent.
        models: with room for two legs; what they remember of rows 0 and 1 is cleared.
        rules: what may fire.
        mode: of analysis.
    """
    legs = LEGS[: len(pcm)]
    hops = -(-pcm.shape[1] // HOP_SAMPLES)
    frames = np.zeros((len(legs), hops * HOP_SAMPLES), np.int16)
    frames[:, : pcm.shape[1]] = pcm
    pipeline = _pipeline(len(LEGS), models, rules)
    pipeline.open_call(_CALL, CallFacts("recording", mode=mode))
    rows = [pipeline.bank.open() for _ in legs]
    for row, role in zip(rows, legs, strict=True):
        pipeline.open_leg(row, _CALL, role)
    signals = np.empty((hops, len(legs), len(LEG_SIGNALS)), np.float32)
    call = np.empty((hops, len(CALL_SIGNALS)), np.float32)
    reasons = np.empty((hops, len(legs)), np.int8)
    transitions: list[Transition] = []
    by_hop = frames.reshape(len(legs), hops, HOP_FRAMES, FRAME_SAMPLES)
    for hop in range(hops):
        for row in rows:
            pipeline.bank.push(row, by_hop[row, hop])
        transitions += pipeline.tick(round((hop + 1) * HOP_S, 3))
        signals[hop] = pipeline.table.leg[:, rows].T
        call[hop] = pipeline.table.call[:, _CALL]
        reasons[hop] = pipeline.reason[rows]
    duration = pcm.shape[1] / SAMPLE_RATE
    return Replay(duration, legs, signals, call, reasons, tuple(_alerts(transitions)))


def load_models(capacity: int = len(LEGS), path: Path | None = None, threads: int = 1) -> Models:
    """Open the gate and the emotion model, the shipped one or that at `path`; raise ModelError if one can't be used."""
    return Models(
        emotion.EmotionModel(capacity, path or emotion.SHIPPED, threads), gate.GateModel(capacity, threads=threads)
    )


def _pipeline(legs: int, models: Models, rules: RuleSet) -> Pipeline:
    table = SignalTable(legs, 1)
    return Pipeline(LegBank(legs), table, RuleEngine(rules, table), models)


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
