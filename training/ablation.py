"""Measure the worth of each part of the voice model: `python -m training.ablation` prints AUCs over legs.

Held out: acted German speakers by cross-validation. Unseen: mean of the corpora that are not trained on. A second table
shows the effect of more acted speech, by models that are never written. Features come from the cache of
`training.train`.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.window import FUNCTIONALS
from training import train, voice
from training.data import Clip, data_root, load_corpora
from training.gate import LAUGHING, NO_WORDS
from training.legs import joined
from training.lessons import SHARES, Lesson, class_weights, heard_of, lesson, part
from training.plans import acted
from training.train import CHECKS, all_lessons, fit

_LEVELS: Final = ("level_mean", "level_all_mean", "loudness")
_PITCH: Final = ("pitch_mean", "pitch_spread")
Change = Callable[[Lesson], Lesson]


def without(names: Sequence[str]) -> Change:
    """Return a change that removes functionals by making window and baseline equal."""
    columns = [FUNCTIONALS.index(name) for name in names]

    def change(given: Lesson) -> Lesson:
        window, baseline = given.heard.window.copy(), given.heard.baseline.copy()
        window[:, columns] = baseline[:, columns] = 0.0
        return replace(given, heard=given.heard._replace(window=window, baseline=baseline))

    return change


def only(names: Sequence[str]) -> Change:
    """Return a change that keeps only some functionals."""
    return without([name for name in FUNCTIONALS if name not in names])


def absolute(given: Lesson) -> Lesson:
    """Remove every leg's own start: windows are compared with the usual voice."""
    none = np.zeros_like(given.heard.baseline_s)
    return replace(given, heard=given.heard._replace(baseline_s=none))


def weighing(shares: dict[str, float]) -> Change:
    """Return a change of the shares of classes."""

    def change(given: Lesson) -> Lesson:
        weight = class_weights(given.emotion, given.heard.counts, {**SHARES, **shares})
        return replace(given, weight=weight)

    return change


def one_against_all(given: Lesson) -> Lesson:
    """Merge all classes without a raised voice into one, with the same weight."""
    return replace(given, emotion=np.where(np.isin(given.emotion, ("angry", "effort")), given.emotion, "other"))


VARIANTS: Final[dict[str, Change]] = {
    "all of it": lambda given: given,
    "no level": without(_LEVELS),
    "no pitch": without(_PITCH),
    "level and pitch alone": only((*_LEVELS, *_PITCH)),
    "no spreads": without([name for name in FUNCTIONALS if name.endswith("_spread")]),
    "no own start (absolute)": absolute,
    "anger against all others at once": one_against_all,
    "no simulated effort": weighing({"effort": 1e-6}),
    "simulated effort like an emotion": weighing({"effort": 1.0}),
    "happiness not as a negative": weighing({"happy": 1e-6}),
    "no sounds without words": weighing({NO_WORDS: 1e-6, LAUGHING: 1e-6}),
}


def row(title: str, change: Change, given: Lesson, checks: dict[str, Lesson], seed: int) -> str:
    """Return one line of the table."""
    changed = change(given)
    followed, _ = train.cross_validate(changed, seed)
    acted_plans = np.array([plan.tags["corpus"] == "emodb" for plan in given.plans])
    held = train.figures(part(changed, acted_plans), followed[acted_plans[given.heard.leg], 0])
    model = fit(changed, np.ones(len(given.y), np.bool_), seed)
    unseen = [_figures(model, change(check)) for check in checks.values()]
    mean = {key: float(np.mean([found[key] for found in unseen])) for key in unseen[0]}
    cells = (source[f"auc_{name}"] for source in (held, mean) for name in ("all", "calm", "happy"))
    return f"| {title} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |"


def _figures(model: voice.Voice, check: Lesson) -> dict[str, float]:
    scores: NDArray[np.float64] = model.probabilities(check.heard)[:, 0]
    return train.figures(check, scores)


def check_lessons(clips: Sequence[Clip], seed: int) -> dict[str, Lesson]:
    """Return the legs of unseen corpora whose speakers have a calm start."""
    out = {}
    for name in CHECKS:
        chosen = [clip for clip in clips if clip.corpus == name]
        plans = acted(chosen, 2, np.random.default_rng(seed), levelled=False, cold_share=0.0)
        given = lesson(plans, heard_of(plans, name))
        out[name] = part(given, np.array([plan.tags["start"] == "calm" for plan in plans]))
    return out


def more_speech(given: Lesson, checks: dict[str, Lesson], seed: int) -> list[str]:
    """Return the table of unseen corpora by additional training data, AUC angry against all others."""
    learnt: dict[str, Callable[[str], list[Lesson]]] = {
        "shipped": lambda _: [],
        "and the other corpus": lambda name: [other for key, other in checks.items() if key != name],
        "and the corpus itself, which is no test": lambda name: [checks[name]],
    }
    lines = [f"| training data | {' | '.join(checks)} |", "|" + " --- |" * (1 + len(checks))]
    for title, more in learnt.items():
        cells = []
        for name, check in checks.items():
            whole = given
            for other in more(name):
                whole = both(whole, other)
            model = fit(whole, np.ones(len(whole.y), np.bool_), seed)
            cells.append(f"{_figures(model, check)['auc_all']:.3f}")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return lines


def both(first: Lesson, second: Lesson) -> Lesson:
    """Return two lessons as one."""
    heard = joined(first.heard, len(first.plans), second.heard)
    return lesson([*first.plans, *second.plans], heard)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="speech data; default: CALLGUARD_DATA")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    try:
        clips = load_corpora(data_root(given.data))
    except FileNotFoundError as error:
        parser.error(str(error))
    learnt, _ = all_lessons([clip for clip in clips if clip.shippable], given.seed, train.TIMES)
    checks = check_lessons(clips, given.seed)
    print("| variant | held out: all | calm | happy | unseen: all | calm | happy |\n|" + " --- |" * 7)
    for title, change in VARIANTS.items():
        print(row(title, change, learnt, checks, given.seed), flush=True)
    print("", *more_speech(learnt, checks, given.seed), sep="\n")


if __name__ == "__main__":
    main()
