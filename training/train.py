"""Train the shipped models: `python -m training.train`. Seeded; CPU only; features are cached under .cache/training.

It writes voice.onnx and gate.onnx with their cards. With --research all clips are used, and the result is for local
comparison only: its card says so, and it is written to another folder.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import callguard.models
from callguard.analysis.metrics import auc, calibration_error
from training import card, gate, spoken, validation
from training.classifier import HEADS, fit_classifier
from training.data import Clip, data_root, load_corpora, require_shippable
from training.legs import joined
from training.lessons import CACHE, FOLDS, Lesson, console, heard_of, lesson, part
from training.plans import CALM, acted, training_plans
from training.voice import Scaling, Voice, calibrate, calibrated, follow

TIMES: Final = 8
"""Legs of each acted clip."""
MADE: Final = 150
"""Legs of each kind of synthetic sound."""
RAISED_SHARE: Final = 0.25
"""Share of raised windows that calibration assumes, about that of a heated call: an output of 0.5 means even odds."""
DRAWN: Final = 100_000
"""Windows drawn in those shares for the reliability of the scores."""
CHECKS: Final = ("ravdess", "ased")


def all_lessons(clips: Sequence[Clip], seed: int, times: int, *, research: bool = False) -> tuple[Lesson, Lesson]:
    """Return the lessons of the voice model and of the gate; the first includes the sounds of the second."""
    sounds = gate.plans([clip for clip in clips if clip.shippable], np.random.default_rng(seed), MADE)
    plans = training_plans([*clips, *spoken.made(CACHE / "espeak", seed)], seed, times, research=research)
    of_gate = lesson(sounds, heard_of(sounds, "gate"))
    voices = heard_of(plans, "research" if research else "shipped")
    both = joined(voices, len(plans), gate.without_words(of_gate))
    return lesson([*plans, *sounds], both), of_gate


def fit(given: Lesson, rows: NDArray[np.bool_], seed: int) -> Voice:
    """Fit the model on some windows; its calibration stays at slope 1 and offset 0."""
    scaling = Scaling.of(given.heard.window[rows & given.calm])
    x = scaling.change(given.heard)
    used = rows & given.heard.counts
    classifier = fit_classifier(x[used], given.emotion[used], given.weight[used], seed)
    known = rows & given.calm & (given.heard.baseline_s > 1.0)
    known = known if known.any() else rows & given.calm
    calm = np.median(classifier.logits(x[known]), axis=0)
    return Voice(scaling, classifier, calm, np.array([[1.0] * len(HEADS), [0.0] * len(HEADS)]))


def cross_validate(given: Lesson, seed: int) -> tuple[NDArray[np.float64], list[Voice]]:
    """Return each window's followed logits from a model not trained on its speaker, and the models."""
    followed = np.zeros((len(given.y), len(HEADS)))
    models = []
    for fold in range(FOLDS):
        held = given.fold == fold
        model = fit(given, ~held, seed)
        followed[held] = follow(model.logits(given.heard)[held], given.heard.leg[held], model.calm)
        models.append(model)
    return followed, models


def prior_weights(y: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights under which RAISED_SHARE of the windows are raised."""
    raised = y > 0.5
    result: NDArray[np.float64] = weight * np.where(
        raised, RAISED_SHARE / np.sum(weight[raised]), (1 - RAISED_SHARE) / np.sum(weight[~raised])
    )
    return result * len(y)


def by_leg(given: Lesson, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean score of each leg's test, NaN where no window was judged, shape (legs,)."""
    counts = given.heard.counts
    total = np.bincount(given.heard.leg[counts], scores[counts], minlength=len(given.plans))
    count = np.bincount(given.heard.leg[counts], minlength=len(given.plans))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def figures(given: Lesson, scores: NDArray[np.float64]) -> dict[str, float]:
    """Return AUCs over legs: angry against all others, against calm, against happy, for the classes that exist."""
    mean = by_leg(given, scores)
    emotion = np.array([plan.tags["emotion"] for plan in given.plans])
    raised = np.array([plan.label > 0.5 for plan in given.plans])
    out = {}
    for name, others in (("all", ~raised), ("calm", np.isin(emotion, CALM)), ("happy", emotion == "happy")):
        chosen = np.isfinite(mean) & (raised | others)
        if raised[chosen].any() and others[chosen].any():
            out[f"auc_{name}"] = round(auc(raised[chosen], mean[chosen]), 4)
    return out


def held_out_figures(given: Lesson, chances: NDArray[np.float64]) -> dict[str, Any]:
    """Return the figures of cross-validation by corpus, start and line."""
    corpus = np.array([plan.tags["corpus"] for plan in given.plans])
    start = np.array([plan.tags["start"] for plan in given.plans])
    out: dict[str, Any] = {}
    for name, keep in (
        ("emodb, calm start known", (corpus == "emodb") & (start == "calm")),
        ("emodb, first words", (corpus == "emodb") & (start == "cold")),
        ("simulated effort", ~np.isin(corpus, ("emodb", gate.SOUNDS, spoken.CORPUS))),
    ):
        out[name] = figures(part(given, keep), chances[keep[given.heard.leg], 0])
    return out


def cross_corpus(clips: Sequence[Clip], model: Voice, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of the present corpora that were not trained on, for each head."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    for name in CHECKS:
        chosen = [clip for clip in clips if clip.corpus == name]
        if not chosen:
            continue
        plans = acted(chosen, 2, np.random.default_rng(seed), levelled=False, cold_share=0.0)
        given = lesson(plans, heard_of(plans, name))
        known = part(given, np.array([plan.tags["start"] == "calm" for plan in plans]))
        chances = model.probabilities(known.heard)
        out[name] = {head: figures(known, chances[:, at]) for at, head in enumerate(HEADS)}
    return out


def train(clips: Sequence[Clip], checks: Sequence[Clip], out: Path, seed: int, times: int, *, research: bool) -> None:
    """Train, validate, export."""
    began = time.monotonic()
    if not research:
        require_shippable(clips)
    given, of_gate = all_lessons(clips, seed, times, research=research)
    console.print(f"{len(given.plans)} legs, {len(given.y)} windows; {FOLDS} folds by speaker")
    logits, folds = cross_validate(given, seed)
    tested = given.heard.counts
    mixture = prior_weights(given.y, given.weight * tested)
    calibration = calibrate(logits[tested], given.y[tested], mixture[tested])
    chances = calibrated(logits, calibration)
    drawn = np.random.default_rng(seed).choice(len(mixture), DRAWN, p=mixture / mixture.sum())
    came_true, scores = given.y[drawn] > 0.5, chances[drawn]
    console.print("gate")
    gate_model, gate_figures = gate.train(of_gate, seed)
    out.mkdir(parents=True, exist_ok=True)
    gate_facts = {"metrics": gate_figures, "corpora": card.corpora(clips), "research": research}
    gate_model.export(out / "gate.onnx", gate_facts)
    folds = [replace(model, calibration=calibration) for model in folds]
    points = validation.set_points(clips, folds, out / "gate.onnx", seed)
    final = replace(fit(given, np.ones(len(given.y), np.bool_), seed), calibration=calibration)
    metrics = {
        "held_out_speakers": held_out_figures(given, chances),
        "calibration_error": round(calibration_error(came_true, scores[:, 0]), 4),
        "unseen_corpora": {} if research else cross_corpus(checks, final, seed),
        "validation_calls": points,
    }
    facts = card.facts(clips, metrics, points, research=research, seed=seed)
    final.export(out / "voice.onnx", facts)
    card.write_page(out, facts, came_true, scores)
    console.print(f"{out / 'voice.onnx'} in {time.monotonic() - began:.0f} s")
    console.print(metrics)


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="speech data; default: CALLGUARD_DATA, else ../shared/data")
    parser.add_argument("--out", type=Path, help="folder; default: callguard/models, or .cache/research")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--times", type=int, default=TIMES, help="legs of each acted clip")
    parser.add_argument("--research", action="store_true", help="use all clips; the result may not be shipped")
    given = parser.parse_args()
    try:
        clips = load_corpora(data_root(given.data))
    except FileNotFoundError as error:
        parser.error(str(error))
    shipped = Path(next(iter(callguard.models.__path__)))
    out = given.out or (Path(".cache/research") if given.research else shipped)
    if given.research and out.resolve() == shipped.resolve():
        parser.error("a research model is not shipped: give another --out")
    chosen = clips if given.research else [clip for clip in clips if clip.shippable]
    try:
        train(chosen, clips, out, given.seed, given.times, research=given.research)
    except FileNotFoundError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
