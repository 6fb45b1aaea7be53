"""Trains what is shipped: `python -m training.train`. Seeded; CPU only; features are cached under .cache/training.

Writes voice.onnx and gate.onnx with their cards. With --research every clip is used and the result is for local
comparison alone: its card says so and it goes elsewhere.
"""

import argparse
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

import callguard.audio
import callguard.models
from callguard.analysis.metrics import auc, calibration_error
from training import card, gate, validation
from training.data import Clip, data_root, load_corpora, require_shippable
from training.legs import BATCH, Heard, LegPlan, hear
from training.plans import CALM, acted, training_plans
from training.voice import HEADS, Scaling, Voice, calibrate, calibrated, fit_head, follow

CACHE: Final = Path(".cache/training")
FOLDS: Final = 5
TIMES: Final = 6
"""Legs of each acted clip."""
RAISED_SHARE: Final = 0.25
"""Share of raised windows that calibration assumes, about that of a call that turns: 0.5 means as likely as not."""
WEIGHTS: Final[tuple[dict[str, float], ...]] = (
    {"effort": 0.03, "calm": 0.3, "happy": 1.0},
    {"effort": 0.0, "calm": 0.3, "happy": 2.0},
)
"""Per head: of simulated effort, of calm speech outside the acted corpus, of happiness (the hard negative)."""
MAKING: Final = ("channel.py", "data.py", "effort.py", "legs.py", "plans.py", "sounds.py")
"""Modules of this package that decide what is heard."""
CHECKS: Final = ("ravdess", "ased")
console = Console(stderr=True)


@dataclass(frozen=True)
class Lesson:
    """Windows with labels and, per head, weights."""

    plans: Sequence[LegPlan]
    heard: Heard
    y: NDArray[np.float64]
    weights: tuple[NDArray[np.float64], ...]
    fold: NDArray[np.intp]

    @property
    def calm(self) -> NDArray[np.bool_]:
        """Which windows are calm speech: of calm tests and of calm starts."""
        tested = np.isin([self.plans[leg].tags["emotion"] for leg in self.heard.leg], CALM)
        return np.asarray(np.where(self.heard.counts, tested, self.heard.at_s < 0))


def lesson(plans: Sequence[LegPlan], heard: Heard) -> Lesson:
    """Put labels, weights and folds beside windows; a speaker is in one fold."""
    emotion = np.array([plans[leg].tags["emotion"] for leg in heard.leg])
    corpus = np.array([plans[leg].tags["corpus"] for leg in heard.leg])
    y = np.array([plans[leg].label for leg in heard.leg])
    weights = []
    for wanted in WEIGHTS:
        weight = np.ones(len(y))
        weight[(emotion == "neutral") & ~np.isin(corpus, ("emodb", *CHECKS))] = wanted["calm"]
        weight[emotion == "happy"] = wanted["happy"]
        weight[emotion == "effort"] = wanted["effort"]
        weights.append(weight)
    fold = np.array([fold_of(plans[leg].group) for leg in heard.leg])
    return Lesson(plans, heard, y, tuple(weights), fold)


def fold_of(speaker: str) -> int:
    """Return the fold of a speaker, the same in every run."""
    return int.from_bytes(hashlib.sha256(speaker.encode()).digest()[:4], "big") % FOLDS


def fit(given: Lesson, rows: NDArray[np.bool_], seed: int) -> Voice:
    """Fit both heads on some windows; calibration is left at 1, 0."""
    scaling = Scaling.of(given.heard.window[rows & given.calm])
    x = scaling.change(given.heard)
    heads = []
    for weight in given.weights:
        used = rows & (weight > 0) & given.heard.counts
        heads.append(fit_head(x[used], given.y[used], weight[used], seed))
    known = rows & given.calm & (given.heard.baseline_s > 1.0)
    known = known if known.any() else rows & given.calm
    calm = np.array([np.median(head.logits(x[known])) for head in heads])
    return Voice(scaling, tuple(heads), calm, np.array([[1.0] * len(HEADS), [0.0] * len(HEADS)]))


def heard_of(plans: Sequence[LegPlan], name: str) -> Heard:
    """Run plans through the listener, with progress; take the result from the cache when nothing has changed."""
    path = CACHE / f"{name}-{_fingerprint(plans)}.npz"
    if path.exists():
        with np.load(path) as file:
            return Heard(*(file[column] for column in Heard._fields))
    found = hear(plans, _progress(f"hear {name}", len(plans)))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **found._asdict())
    return found


def _progress(title: str, legs: int) -> Any:
    from rich.progress import track

    return lambda batches: track(batches, title, total=-(-legs // BATCH), console=console)


def _fingerprint(plans: Sequence[LegPlan]) -> str:
    """Return a hash of the plans and of all code that turns them into features."""
    found = hashlib.sha256()
    folders = (Path(next(iter(callguard.audio.__path__))), Path(__file__).parent)
    for path in sorted(path for folder in folders for path in folder.glob("*.py")):
        if path.parent.name == "audio" or path.name in MAKING:
            found.update(path.read_bytes())
    for plan in plans:
        found.update(repr((plan.line, plan.label, plan.group, [take.clip.path.name for take in plan.test])).encode())
    return found.hexdigest()[:16]


def cross_validate(given: Lesson, seed: int) -> tuple[NDArray[np.float64], list[Voice]]:
    """Return smoothed logits of each window from a model that has not heard its speaker, and those models."""
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
    """Return the mean score of each leg's test, NaN where nothing was judged, shape (legs,)."""
    counts = given.heard.counts
    total = np.bincount(given.heard.leg[counts], scores[counts], minlength=len(given.plans))
    count = np.bincount(given.heard.leg[counts], minlength=len(given.plans))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def figures(given: Lesson, scores: NDArray[np.float64]) -> dict[str, float]:
    """Return AUCs over legs: angry against all others, against calm, against happy, where there are such."""
    mean = by_leg(given, scores)
    emotion = np.array([plan.tags["emotion"] for plan in given.plans])
    raised = np.array([plan.label > 0.5 for plan in given.plans])
    out = {}
    for name, others in (("all", ~raised), ("calm", np.isin(emotion, CALM)), ("happy", emotion == "happy")):
        chosen = np.isfinite(mean) & (raised | others)
        if raised[chosen].any() and others[chosen].any():
            out[f"auc_{name}"] = round(auc(raised[chosen], mean[chosen]), 4)
    return out


def part(given: Lesson, keep: NDArray[np.bool_]) -> Lesson:
    """Return the lesson of some plans alone, `keep` of shape (plans,)."""
    rows = keep[given.heard.leg]
    place = np.cumsum(keep) - 1
    heard = Heard(place[given.heard.leg[rows]], *(column[rows] for column in given.heard[1:]))
    plans = [plan for plan, kept in zip(given.plans, keep, strict=True) if kept]
    return Lesson(plans, heard, given.y[rows], tuple(w[rows] for w in given.weights), given.fold[rows])


def held_out_figures(given: Lesson, chances: NDArray[np.float64]) -> dict[str, Any]:
    """Return what cross-validation found, by corpus, start and line."""
    corpus = np.array([plan.tags["corpus"] for plan in given.plans])
    start = np.array([plan.tags["start"] for plan in given.plans])
    out: dict[str, Any] = {}
    for name, keep in (
        ("emodb, calm start known", (corpus == "emodb") & (start == "calm")),
        ("emodb, first words", (corpus == "emodb") & (start == "cold")),
        ("simulated effort", corpus != "emodb"),
    ):
        out[name] = figures(part(given, keep), chances[keep[given.heard.leg], 0])
    return out


def cross_corpus(clips: Sequence[Clip], model: Voice, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return the figures of corpora that shaped nothing, where they are present, per head."""
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
    plans = training_plans(clips, seed, times, research=research)
    given = lesson(plans, heard_of(plans, "research" if research else "shipped"))
    console.print(f"{len(plans)} legs, {len(given.y)} windows; {FOLDS} folds by speaker")
    logits, folds = cross_validate(given, seed)
    tested = given.heard.counts
    calibration = calibrate(logits[tested], given.y[tested], prior_weights(given.y, given.weights[0])[tested])
    chances = calibrated(logits, calibration)
    console.print("gate")
    gate_model, gate_figures = gate.train(clips, seed)
    out.mkdir(parents=True, exist_ok=True)
    gate_facts = {"metrics": gate_figures, "corpora": card.corpora(clips), "research": research}
    gate_model.export(out / "gate.onnx", gate_facts)
    folds = [replace(model, calibration=calibration) for model in folds]
    points = validation.set_points(clips, folds, out / "gate.onnx", seed, _progress)
    final = replace(fit(given, np.ones(len(given.y), np.bool_), seed), calibration=calibration)
    metrics = {
        "held_out_speakers": held_out_figures(given, chances),
        "calibration_error": round(calibration_error(given.y[tested] > 0.5, chances[tested, 0]), 4),
        "unseen_corpora": {} if research else cross_corpus(checks, final, seed),
        "validation_calls": points,
    }
    facts = card.facts(clips, metrics, points, research=research, seed=seed, seconds=time.monotonic() - began)
    final.export(out / "voice.onnx", facts)
    card.write_page(out, facts, given.y[tested] > 0.5, chances[tested])
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
    train(chosen, clips, out, given.seed, given.times, research=given.research)


if __name__ == "__main__":
    main()
