"""Evaluate the shipped models on corpora that were not trained on, through the simulated telephone."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.calls import LOUD_KINDS, operating_point, score_calls
from callguard.analysis.episodes import total
from callguard.analysis.metrics import auc, summary
from callguard.analysis.replay import batches, load_models, replay_all
from callguard.audio.frames import HOP_S
from callguard.rules import RuleSet
from callguard.worker.pipeline import Models
from training.calls import QUARREL_KINDS, Cast, write_calls
from training.channel import CODECS, Line
from training.data import Clip
from training.legs import LEAD_S, LegPlan, render
from training.plans import CALM, acted
from training.validation import RULE_HOLD_S

CORPORA: Final = ("ravdess", "ased")
CONDITIONS: Final = ("gender", "codec", "snr", "gain", "emotion", "speaker")
CLEAN: Final = Line(snr_db=25.0, codec="slin")
HEADS: Final = ("raised_voice", "anger")
EARS: Final = {"first ear": False, "both ears": True}
"""Whether the second ear hears too."""
RULE: Final = "CustomerRaisedVoice"


class Mixture(NamedTuple):
    """A number of calls of some kinds, in turn."""

    calls: int
    kinds: tuple[str, ...]


MIXTURES: Final = {
    "unseen": Mixture(120, QUARREL_KINDS),
    "hot start": Mixture(40, ("hot_start", "hot_start", "hot_start", "calm")),
}
EVERY: Final = 2
"""Every EVERY-th clip is played on every line of the sensitivity table."""


def scores(plans: Sequence[LegPlan], *, second_ear: bool = True) -> NDArray[np.float64]:
    """Return both outputs of the shipped models for each leg: means over the test's judged hops, else 0.

    Returns:
        Shape (legs, len(HEADS)).
    """
    models = load_models(second_ear=second_ear)
    return np.concatenate([_scores(part, models) for part in batches(plans)])


def _scores(plans: Sequence[LegPlan], models: Models) -> NDArray[np.float64]:
    rendered = [render(plan) for plan in plans]
    results = replay_all([pcm[None] for pcm, _ in rendered], models, RuleSet(()), "emotion")
    out = np.zeros((len(plans), len(HEADS)))
    for row, ((_, start), result) in enumerate(zip(rendered, results, strict=True)):
        found = np.stack([result.column(0, head) for head in HEADS], axis=1)[round((start + LEAD_S) / HOP_S) :]
        known = found[np.isfinite(found[:, 0])]
        out[row] = known.mean(axis=0) if len(known) else 0.0
    return out


def known_start(plans: Sequence[LegPlan]) -> list[LegPlan]:
    """Return the legs with a calm start; some speakers have no calm clip."""
    return [plan for plan in plans if plan.calm]


def figures(plans: Sequence[LegPlan], found: NDArray[np.float64]) -> dict[str, float] | None:
    """Return the summary of angry against all others, and AUCs against calm and happy, of one output."""
    angry = np.array([plan.label > 0.5 for plan in plans])
    emotion = np.array([plan.tags["emotion"] for plan in plans])
    if not angry.any() or angry.all():
        return None
    out = summary(angry, found)
    for name, others in (("calm", np.isin(emotion, CALM)), ("happy", emotion == "happy")):
        if others.any():
            out[f"auc_{name}"] = round(auc(angry[angry | others], found[angry | others]), 4)
    return out


def corpus(clips: Sequence[Clip], name: str, seed: int, *, second_ear: bool = True) -> dict[str, Any]:
    """Return the figures of one corpus: with a calm start, without it, and by condition."""
    chosen = [clip for clip in clips if clip.corpus == name]
    warm = known_start(acted(chosen, 2, np.random.default_rng(seed), levelled=False, cold_share=0.0))
    cold = acted(chosen, 1, np.random.default_rng(seed + 1), levelled=False, cold_share=1.0)
    found = scores(warm, second_ear=second_ear)
    return {
        "calm start": {head: figures(warm, found[:, at]) for at, head in enumerate(HEADS)},
        "first words": figures(cold, scores(cold, second_ear=second_ear)[:, 0]),
        "conditions": _conditions(warm, found[:, 0]),
    }


def _conditions(plans: Sequence[LegPlan], found: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    out: dict[str, dict[str, float]] = {}
    for name in CONDITIONS:
        of = np.array([plan.group if name == "speaker" else plan.tags[name] for plan in plans])
        angry = np.array([plan.label > 0.5 for plan in plans])
        for value in sorted(set(of.tolist())):
            rows = (of == value) | angry if name == "emotion" else of == value
            if angry[rows].any() and not angry[rows].all():
                out.setdefault(name, {})[str(value)] = round(auc(angry[rows], found[rows]), 3)
    return out


def calls(clips: Sequence[Clip], rules: Mapping[str, RuleSet], mixture: Mixture, seed: int) -> dict[str, Any]:
    """Return the figures of calls made of CORPORA and of recorded laughter, for each of EARS; see `score_folder`."""
    cast = Cast([clip for clip in clips if clip.corpus in CORPORA or clip.kind == "nonverbal"])
    with tempfile.TemporaryDirectory() as folder:
        write_calls(Path(folder), cast, mixture.calls, seed, mixture.kinds)
        return {ear: score_folder(Path(folder), rules, second_ear=both) for ear, both in EARS.items()}


def score_folder(folder: Path, rules: Mapping[str, RuleSet], *, second_ear: bool = True) -> dict[str, Any]:
    """Return the figures of a folder of calls.

    `shipped`: of the rule on a raised voice in each setting; `points`: at thresholds of their own, for the same rule;
    `within 6 s`: share of first words, angry ones, with an alert in that time; `by kind`: false alerts.
    """
    models = load_models(second_ear=second_ear)
    found = {name: score_calls(folder, models, pack) for name, pack in rules.items()}
    quiet = next(iter(found.values()))
    plain = [call for call in quiet if call.kind not in LOUD_KINDS]
    verdicts = [call.verdict(RULE) for call in quiet]
    delays = [delay for verdict in verdicts for delay in verdict.delays[:1]]
    false = Counter(dict.fromkeys({call.kind for call in quiet}, 0))
    for call, verdict in zip(quiet, verdicts, strict=True):
        false[call.kind] += len(verdict.false)
    return {
        "shipped": {name: total([call.verdict(RULE) for call in each]) for name, each in found.items()},
        "points": {
            "at <= 6 an hour": operating_point(quiet, 6.0, RULE_HOLD_S),
            "at <= 2 an hour": operating_point(quiet, 2.0, RULE_HOLD_S),
            "at <= 1, no loud joy": operating_point(plain, 1.0, RULE_HOLD_S),
        },
        "within 6 s": float(np.mean([delay is not None and delay <= 6.0 for delay in delays])) if delays else 0.0,
        "by kind": dict(sorted(false.items())),
    }


def sensitivity(clips: Sequence[Clip], seed: int) -> dict[str, float]:
    """Return the mean AUC over CORPORA of the same legs on lines that differ in one property."""
    lines: dict[str, Callable[[Line], Line]] = {"clean": lambda line: line}
    lines |= {f"gain {g:+d} dB": (lambda line, g=g: replace(line, gain_db=float(g))) for g in (-24, -12, 6, 12)}  # type: ignore[misc]
    lines |= {f"codec {c}": (lambda line, c=c: replace(line, codec=c)) for c in CODECS}  # type: ignore[misc]
    lines["10 % loss"] = lambda line: replace(line, loss=0.10)
    lines["SNR 10 dB"] = lambda line: replace(line, snr_db=10.0)
    lines["room 0.5 s"] = lambda line: replace(line, room_s=0.5)
    lines["clipping 6 dB"] = lambda line: replace(line, clip=6.0)
    lines["AGC 0.8"] = lambda line: replace(line, agc=0.8)
    plans = {name: _some([clip for clip in clips if clip.corpus == name], seed) for name in CORPORA}
    return {title: _auc_on(plans, change) for title, change in lines.items()}


def _some(clips: Sequence[Clip], seed: int) -> list[LegPlan]:
    """Return legs of one randomly drawn clip in EVERY; all calm clips may be starts."""
    rng = np.random.default_rng(seed)
    legs = known_start(acted(clips, 1, rng, levelled=False, cold_share=0.0))
    return [legs[at] for at in rng.permutation(len(legs))[: len(legs) // EVERY]]


def _auc_on(plans: dict[str, list[LegPlan]], change: Callable[[Line], Line]) -> float:
    found = []
    for legs in plans.values():
        moved = [replace(plan, line=change(replace(CLEAN, seed=plan.line.seed))) for plan in legs]
        result = figures(moved, scores(moved)[:, 0])
        if result:
            found.append(result["auc"])
    return round(float(np.mean(found)), 4) if found else float("nan")
