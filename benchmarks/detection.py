"""Measure the number of legs that one core judges: `python -m benchmarks.detection [--legs 2000] [--seconds 20]`.

Each leg talks for 40 % of the time; a share of the customers is heated, so that the second ear hears all their windows.
The figures count detection (levels, VAD, features, windows, gates, model,
signals) without ingest and rules. The media is made beforehand, and legs begin at different times, as calls do.
"""

import argparse
import json
import os
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.replay import load_models
from callguard.audio.bank import LegBank
from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, HOP_S, SAMPLE_RATE
from callguard.contracts.messages import CallFacts, Transition
from callguard.models.emotion import EmotionModel, Scores
from callguard.models.roles import CustomerRows
from callguard.models.second_ear import BUDGET
from callguard.signals.table import SignalTable
from callguard.worker.pipeline import Models, Pipeline
from callguard.worker.stage_timer import StageTimer

TURN_S: Final = 3.0
SHARE: Final = 0.47
"""Share of the time in turns; the VAD hears the gaps between syllables, so 40 % remain as speech."""
VOICES: Final = 16
CALM_SUSPICION: Final = 16
"""One window in so many of calm customers is suspicious: 6 %, more than of calm telephone speech."""


class NoRules:
    """Replaces the rule engine, so that detection alone is measured."""

    def open_call(self, row: int, facts: CallFacts) -> None:
        """Do nothing."""

    def update_call(self, row: int, facts: CallFacts) -> None:
        """Do nothing."""

    def close_call(self, row: int, now: float) -> list[Transition]:
        """Return nothing."""
        return []

    def step(self, now: float) -> list[Transition]:
        """Return nothing."""
        return []


def talk(seed: int) -> NDArray[np.int16]:
    """Return a party with buzzing turns and near silence between them, shape (hops, HOP_FRAMES, FRAME_SAMPLES)."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(TURN_S / SHARE * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(rng.uniform(90, 240) * (1 + 0.1 * np.sin(4 * time_s))) / SAMPLE_RATE
    voice = sum(np.sin(k * phase) / k for k in range(2, 12)) * (time_s < TURN_S)
    voice *= np.clip(np.sin(2 * np.pi * 4 * time_s) + 0.9, 0, 1)
    sound = voice * 6000 + rng.normal(size=len(time_s)) * 12
    hops = len(sound) // (FRAME_SAMPLES * HOP_FRAMES)
    return sound[: hops * FRAME_SAMPLES * HOP_FRAMES].astype(np.int16).reshape(hops, HOP_FRAMES, FRAME_SAMPLES)


def measure(legs: int, seconds: float, heated: float = 0.05, *, second_ear: bool = True) -> dict[str, Any]:
    """Process `seconds` of audio of all legs as fast as possible; return the cost."""
    sounds = np.stack([talk(seed) for seed in range(VOICES)])
    table = SignalTable(legs, legs // 2)
    spans = StageTimer()
    pipeline = Pipeline(LegBank(legs, ring_hops=1), table, NoRules(), _models(legs, second_ear=second_ear), spans)
    for call in range(legs // 2):
        pipeline.open_call(call, CallFacts(str(call), mode="emotion"))
    rng = np.random.default_rng(0)
    offset, voice = rng.integers(0, sounds.shape[1], legs), rng.integers(0, VOICES, legs)
    begins = rng.integers(0, 20, legs)
    _overrule(pipeline.models.gate)
    _heat(pipeline.models.emotion, rng.random(legs) < heated)
    rows = np.array([pipeline.bank.open() for _ in range(legs)])
    for row in rows:
        pipeline.open_leg(int(row), int(row) // 2, "customer" if row % 2 == 0 else "agent")
    spent = 0.0
    ticks: list[float] = []
    before = _asked(pipeline)
    speech: list[float] = []
    for hop in range(20 + int(seconds / HOP_S)):
        present = rows[begins <= hop]
        pcm = sounds[voice[present], (hop + offset[present]) % sounds.shape[1]]
        each = np.repeat(present, HOP_FRAMES)
        pipeline.bank.push(each, pcm.reshape(-1, FRAME_SAMPLES))
        if hop == 20:
            spans.ns.clear()
            spent, ticks = 0.0, []
            before = _asked(pipeline)
        began = time.process_time()
        pipeline.tick(hop * HOP_S)
        ticks.append(time.process_time() - began)
        spent += ticks[-1]
        speech.append(float(np.nanmean(table.leg[0])))
    leg_seconds = legs * seconds
    return {
        "legs": legs,
        "seconds": seconds,
        "speech_share": round(float(np.mean(speech[20:])), 3),
        "heated": heated,
        "second_ear": {name: count - before[name] for name, count in _asked(pipeline).items()},
        "us_per_leg_s": round(spent / leg_seconds * 1e6, 1),
        "legs_per_core": int(leg_seconds / spent),
        "stage_us_per_leg_s": {name: round(ns / leg_seconds / 1e3, 1) for name, ns in sorted(spans.ns.items())},
        "tick_ms": {"p50": _ms(ticks, 50), "p99": _ms(ticks, 99), "max": _ms(ticks, 100)},
    }


def _overrule(gate: Any) -> None:
    """Let the gate run, then pass all windows: the synthetic voice is no speech, and the model must run too."""
    original = gate.reasons
    gate.reasons = lambda rows, window, speech_s: np.zeros_like(original(rows, window, speech_s))


def _heat(model: EmotionModel, heated: NDArray[np.bool_]) -> None:
    """Let the first ear run, then suspect all windows of heated customers and one in CALM_SUSPICION of others."""
    original, count = model.score, iter(range(10**9))

    def score(rows: CustomerRows, *given: Any) -> Scores:
        found = original(rows, *given)
        chance = np.array([next(count) % CALM_SUSPICION == 0 for _ in rows.rows])
        raised = np.where(heated[rows.rows], 0.9, np.where(chance, 0.4, 0.05)).astype(np.float32)
        return Scores(raised, found.anger)

    model.score = score  # type: ignore[method-assign, assignment]


def _models(legs: int, *, second_ear: bool) -> Models:
    models = load_models(legs, second_ear=second_ear)
    if models.ear:
        models.ear.budget = BUDGET
    return models


def _asked(pipeline: Pipeline) -> dict[str, int]:
    """Return the numbers of windows that the second ear heard and skipped so far."""
    ear = pipeline.models.ear
    return {"heard": ear.heard, "skipped": ear.skipped} if ear else {"heard": 0, "skipped": 0}


def _ms(ticks: list[float], share: float) -> float:
    return round(float(np.percentile(ticks, share)) * 1e3, 2)


def main() -> None:
    """Measure from the command line; CPU time of one thread."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--heated", type=float, default=0.05, help="share of heated customers")
    parser.add_argument("--no-second-ear", action="store_true", help="measure the first ear alone")
    given = parser.parse_args()
    print(json.dumps(measure(given.legs, given.seconds, given.heated, second_ear=not given.no_second_ear)))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
