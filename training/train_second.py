"""Train the second ear after the first: `python -m training.train_second`. Seeded; CPU only; features are cached.

It writes ear.onnx with its card. The first ear's scores that the decision learns from are those of models fitted on the
same legs without the speakers that they score: the shipped first ear has heard all of them.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import callguard.models
from callguard.audio.window import FUNCTIONALS
from callguard.models import emotion, encoder
from callguard.models.card import load_card, sha256
from callguard.models.encoder import Encoder
from training import card, second, spoken, validation
from training.classifier import HEADS, Floats
from training.data import Clip, data_root, load_corpora, require_shippable
from training.ear import CUES, Ear
from training.lessons import CACHE, FOLDS, Lesson, console, heard_of, lesson
from training.train import fit, prior_weights
from training.voice import Voice, calibrate, calibrated, follow


def first_ears(given: Lesson, seed: int) -> tuple[list[Voice], Floats]:
    """Return a first ear for each fold, and the scores of each window by the one that has not heard its speaker."""
    tested = given.heard.counts
    few = second.some_of_each(given.heard.leg, tested)
    logits, folds = np.zeros((len(given.y), len(HEADS))), []
    for at in range(FOLDS):
        held = given.fold == at
        voice = fit(given, few & ~held, seed)
        logits[held] = follow(voice.logits(given.heard)[held], given.heard.leg[held], voice.calm)
        folds.append(voice)
    weight = prior_weights(given.y, given.weight * tested)[tested]
    calibration = calibrate(logits[tested], given.y[tested], weight)
    return [replace(voice, calibration=calibration) for voice in folds], calibrated(logits, calibration)


def train(clips: Sequence[Clip], out: Path, seed: int) -> None:
    """Train, validate, export."""
    began = time.monotonic()
    require_shippable(clips)
    legs = second.plans(clips, spoken.made(CACHE / "espeak", seed), seed)
    heard = heard_of(legs, "second", Encoder())
    console.print(f"{len(legs)} legs, {len(heard.leg)} windows")
    folds, first = first_ears(lesson(legs, heard), seed)
    told = second.Second.of(lesson(legs, heard, second.SHARES), first)
    ears, final = second.cross_fit(told)
    found = validation.set_points(clips, folds, out / "gate.onnx", seed, ears)
    thresholds = load_card(out / "voice.onnx", "emotion", FUNCTIONALS).metrics["validation_calls"]
    final = final.scaled(*second.matched(found, thresholds))
    metrics = {"validation_calls": found, "weights": _weights(final)}
    facts = card.ear_facts(clips, metrics, thresholds, seed=seed, windows=len(heard.leg))
    final.export(out / "ear.onnx", sha256(encoder.SHIPPED), sha256(out / emotion.SHIPPED.name), facts)
    card.write_ear_page(out, facts)
    console.print(f"{out / 'ear.onnx'} in {time.monotonic() - began:.0f} s")
    console.print(metrics)


def _weights(ear: Ear) -> dict[str, dict[str, float]]:
    """Return the decision's weights by cue and head."""
    rows = zip((*CUES, "offset"), [*ear.weights, ear.offset], strict=True)
    return {name: {head: round(float(value), 4) for head, value in zip(HEADS, row, strict=True)} for name, row in rows}


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="speech data; default: CALLGUARD_DATA, else ../shared/data")
    parser.add_argument("--out", type=Path, default=Path(next(iter(callguard.models.__path__))))
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    try:
        clips = [clip for clip in load_corpora(data_root(given.data)) if clip.shippable]
        train(clips, given.out, given.seed)
    except FileNotFoundError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
