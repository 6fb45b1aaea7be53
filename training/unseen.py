"""Evaluate the shipped models on corpora that were not trained on, through the simulated telephone."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.calls import ScoredCall, operating_point, score_calls, summarise
from callguard.analysis.metrics import auc, summary
from callguard.analysis.replay import load_models
from callguard.audio.gates import Reason, is_tone
from callguard.models.emotion import EmotionModel
from callguard.models.gate import GateModel
from callguard.models.roles import RoleColumn
from callguard.rules import RuleSet
from callguard.worker.pipeline import WARM_S
from training.calls import QUARREL_KINDS, Cast, write_calls
from training.channel import CODECS, Line
from training.data import Clip
from training.legs import Heard, LegPlan
from training.lessons import heard_of
from training.plans import CALM, acted

CORPORA: Final = ("ravdess", "ased")
CONDITIONS: Final = ("gender", "codec", "snr", "gain", "emotion", "speaker")
CLEAN: Final = Line(snr_db=25.0, codec="slin")
HEADS: Final = ("raised_voice", "anger")
EVERY: Final = 2
"""Every EVERY-th clip is played on every line of the sensitivity table."""


def scores(heard: Heard, legs: int) -> NDArray[np.float64]:
    """Return both outputs of the shipped model for each leg: means over the test's judged windows, else 0.

    Returns:
        Shape (legs, len(HEADS)).
    """
    emotion, gate, roles = EmotionModel(legs), GateModel(legs), RoleColumn(legs)
    for leg in range(legs):
        roles.assign(leg, "customer")
    total, count = np.zeros((legs, len(HEADS))), np.zeros(legs)
    for step in _by_step(heard.leg):
        window = heard.window[step]
        judged = gate.reasons(heard.leg[step], window, heard.speech_s[step]) == Reason.JUDGED
        warm = heard.baseline_s[step] + heard.speech_s[step] >= WARM_S
        rows = step[judged & warm & ~is_tone(window)]
        leg = heard.leg[rows]
        evidence = np.stack([heard.speech_s[rows], heard.baseline_s[rows]], axis=1)
        found = emotion.score(roles.customers(leg), heard.window[rows], heard.baseline[rows], evidence)
        counts = heard.counts[rows]
        total[leg[counts]] += np.stack(found, axis=1)[counts]
        count[leg[counts]] += 1
    return total / np.maximum(count, 1)[:, None]


def _by_step(leg: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the rows of all legs' first windows, of all second windows, and so on, each by increasing leg."""
    order = np.argsort(leg, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(leg[order])) + 1]
    lengths = np.diff(np.r_[starts, len(order)])
    step = np.arange(len(order)) - np.repeat(starts, lengths)
    return [order[step == at] for at in range(int(lengths.max(initial=0)))]


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


def corpus(clips: Sequence[Clip], name: str, seed: int) -> dict[str, Any]:
    """Return the figures of one corpus: with a calm start, without it, and by condition."""
    chosen = [clip for clip in clips if clip.corpus == name]
    warm = known_start(acted(chosen, 2, np.random.default_rng(seed), levelled=False, cold_share=0.0))
    cold = acted(chosen, 1, np.random.default_rng(seed + 1), levelled=False, cold_share=1.0)
    found = scores(heard_of(warm, name), len(warm))
    return {
        "calm start": {head: figures(warm, found[:, at]) for at, head in enumerate(HEADS)},
        "first words": figures(cold, scores(heard_of(cold, name), len(cold))[:, 0]),
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


def calls(clips: Sequence[Clip], rules: Mapping[str, RuleSet], count: int, seed: int) -> dict[str, Any]:
    """Return the summary of calls made of CORPORA and of recorded laughter, for each rule pack.

    `each corpus alone` has the figures at six false alerts an hour of that corpus's calls, with its own threshold.
    """
    cast = Cast([clip for clip in clips if clip.corpus in CORPORA or clip.kind == "nonverbal"])
    models = load_models()
    with tempfile.TemporaryDirectory() as folder:
        write_calls(Path(folder), cast, count, seed, QUARREL_KINDS)
        found = {name: score_calls(Path(folder), models, pack) for name, pack in rules.items()}
    return {name: summarise(scored) | {"each corpus alone": _alone(scored)} for name, scored in found.items()}


def _alone(scored: Sequence[ScoredCall]) -> dict[str, Any]:
    names = sorted({call.conditions["corpus"] for call in scored})
    return {name: operating_point([c for c in scored if c.conditions["corpus"] == name], 6.0) for name in names}


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
        result = figures(moved, scores(heard_of(moved, "lines"), len(moved))[:, 0])
        if result:
            found.append(result["auc"])
    return round(float(np.mean(found)), 4) if found else float("nan")
