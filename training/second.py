"""Train the second ear: windows of simulated legs, their calm voices, two linear models, one decision.

The linear models are regularised strongly: weakly regularised ones hear nothing on calls. The decision weighs them with
the first ear on windows of speakers that neither has heard.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from callguard.audio.features import FloatArray
from callguard.audio.window import LOUDNESS
from callguard.models.calm_voice import CalmVoices
from callguard.models.encoder import VOICE
from callguard.models.second_ear import TRACE
from training import gate, spoken
from training.classifier import HEADS
from training.data import Clip
from training.ear import CUES, Asked, Ear
from training.export import Layer
from training.legs import Heard, LegPlan, joined
from training.lessons import FOLDS, Lesson, lesson
from training.plans import acted, calm_clips, calm_speech, efforts, varied

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

STRENGTH: Final = 3e-3
"""C of the linear models."""
SHARES: Final = {"neutral": 4.0, "happy": 4.0, "angry": 4.0, "effort": 1.0, "lively": 0.5}
"""Share of each class, 1 for others: joy counts as much as all calm speech, since it is taken for anger most."""
MOST_WINDOWS: Final = 4
"""Windows of a leg's test that the linear models learn from: neighbours are nearly the same."""
ACTED_TIMES: Final = 2
SOUNDS: Final = 1200
"""Legs of sounds without words."""
MADE: Final = 60
"""Legs drawn of each kind of synthetic sound."""
EXPECTED: Final = np.array([1.0, 1.0, 0.15, 1.0, 0.0])
"""Weights of the decision before any window is heard. The acted corpus has lost its levels, and the first ear knows its
manner. So its windows alone would leave out the level and the first ear, which calls of other makers need."""
INSISTENCE: Final = 0.1
"""Weight of the distance from EXPECTED, in spreads of the cues, against the mean loss of a window."""
_LEAST_APART: Final = 0.2


def plans(clips: Sequence[Clip], spoken_clips: Sequence[Clip], seed: int) -> list[LegPlan]:
    """Return the legs of the second ear's lesson."""
    rng = np.random.default_rng([seed, 2])
    calm = calm_clips(clips)
    voices = [
        *acted([clip for clip in clips if clip.corpus == "emodb"], ACTED_TIMES, rng),
        *calm_speech(calm, 1, rng),
        *acted([clip for clip in spoken_clips if clip.corpus == spoken.CORPUS], 1, rng),
        *efforts(calm, 1, rng)[::2],
    ]
    sounds = gate.plans(clips, rng, MADE)
    chosen = rng.permutation(len(sounds))[:SOUNDS]
    return [*(varied(plan, rng) for plan in voices), *(sounds[at] for at in chosen)]


def asked(heard: Heard, first: Floats) -> Asked:
    """Return windows as the second ear would get them, with each leg's calm voice at that time.

    Args:
        heard: windows with the encoder's vectors; a leg's windows in order of time.
        first: the first ear's scores, shape (n, len(HEADS)).
    """
    legs = int(heard.leg.max(initial=-1)) + 1
    voices = CalmVoices(legs)
    calm, windows = np.zeros((len(first), VOICE), np.float32), np.zeros(len(first), np.float32)
    for step in by_step(heard.leg):
        leg = heard.leg[step]
        calm[step], windows[step] = voices.mean[leg], voices.windows[leg]
        quiet = step[first[step, 0] <= TRACE]
        learnt = quiet[voices.wanted(heard.leg[quiet])]
        voices.learn(heard.leg[learnt], heard.voice[learnt])
    rise = (heard.window[:, LOUDNESS] - heard.baseline[:, LOUDNESS])[:, None]
    known = np.stack([windows, heard.baseline_s], axis=1)
    return Asked(heard.voice, calm, known, rise, first.astype(np.float32))


def by_step(leg: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the rows of all legs' first windows, of all second windows, and so on, each by increasing leg."""
    order = np.argsort(leg, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(leg[order])) + 1]
    lengths = np.diff(np.r_[starts, len(order)])
    step = np.arange(len(order)) - np.repeat(starts, lengths)
    return [order[step == at] for at in range(int(lengths.max(initial=0)))]


@dataclass(frozen=True)
class Second:
    """The lesson of the second ear.

    Attributes:
        given: windows with emotions, weights and folds.
        asked: the same windows as the second ear gets them.
        few: mask of at most MOST_WINDOWS scored windows of each leg, shape (n,).
    """

    given: Lesson
    asked: Asked
    few: Mask

    @classmethod
    def of(cls, given: Lesson, first: Floats) -> "Second":
        """Return the lesson with the first ear's scores, shape (n, len(HEADS)), of speakers that it has not heard."""
        return cls(given, asked(given.heard, first), some_of_each(given.heard.leg, given.heard.counts))


def both(first: Lesson, other: Lesson) -> Lesson:
    """Return the windows of two lessons in one, with weights of its own."""
    heard = joined(first.heard, len(first.plans), other.heard)
    return lesson([*first.plans, *other.plans], heard, SHARES)


def some_of_each(leg: NDArray[np.intp], counts: Mask) -> Mask:
    """Return a mask of MOST_WINDOWS windows of each leg, spread over those in the mask `counts`."""
    rows = np.flatnonzero(counts)
    rows = rows[np.argsort(leg[rows], kind="stable")]
    few = np.zeros(len(leg), np.bool_)
    for own in np.split(rows, np.flatnonzero(np.diff(leg[rows])) + 1):
        few[own[np.linspace(0, len(own) - 1, MOST_WINDOWS).astype(np.intp)] if len(own) else own] = True
    return few


def fit_layers(second: Second, rows: Mask) -> Ear:
    """Return an ear whose linear models are fitted on some windows, and which decides nothing yet."""
    given, told = second.given, second.asked
    calm = told.voice[rows & given.calm]
    usual, spread = calm.mean(axis=0), np.maximum(calm.std(axis=0), np.float32(1e-3))
    nothing = Layer(np.zeros((VOICE, len(HEADS))), np.zeros(len(HEADS)))
    blank = Ear(usual, spread, nothing, nothing, np.zeros((len(CUES), len(HEADS))), np.zeros(len(HEADS)))
    used = rows & second.few
    layers = [_linear(x, given.emotion[used], given.weight[used]) for x in blank.changes(told, used)]
    return replace(blank, absolute=layers[0], relative=layers[1])


def _linear(x: FloatArray, emotion: NDArray[np.str_], weight: Floats) -> Layer:
    """Fit one linear model for each head; its output is scaled to spread 1 over calm windows."""
    columns = []
    for reads in HEADS.values():
        used = ~np.isin(emotion, reads.ignored)
        model = LogisticRegression(C=STRENGTH, max_iter=300)
        model.fit(x[used], np.isin(emotion[used], reads.own), sample_weight=weight[used])
        column = model.coef_[0]
        spread = (x[emotion == "neutral"] @ column).std()
        columns.append((column / spread, model.intercept_[0] / spread))
    return Layer(np.stack([c for c, _ in columns], axis=1), np.array([b for _, b in columns]))


def cross_fit(second: Second) -> tuple[list[Ear], Ear]:
    """Return an ear for each fold, not trained on its speakers, and one trained on all; all decide alike."""
    fold = second.given.fold
    ears = [fit_layers(second, fold != at) for at in range(FOLDS)]
    cues = np.zeros((len(fold), len(CUES), len(HEADS)))
    for at, ear in enumerate(ears):
        held = fold == at
        cues[held] = ear.cues(Asked(*(column[held] for column in second.asked)))
    weights, offset = _decide(cues, second.given)
    final = fit_layers(second, np.ones(len(fold), np.bool_))
    return [replace(ear, weights=weights, offset=offset) for ear in ears], replace(
        final, weights=weights, offset=offset
    )


def _decide(cues: Floats, given: Lesson) -> tuple[Floats, Floats]:
    """Fit the decision on the windows that the second ear is asked about; return weights and offsets of each head."""
    first = cues[:, CUES.index("first"), 0]
    rows = given.heard.counts & (first > np.log(TRACE / (1.0 - TRACE)))
    found = []
    for head, reads in enumerate(HEADS.values()):
        used = rows & ~np.isin(given.emotion, reads.ignored)
        found.append(decision(cues[used, :, head], np.isin(given.emotion[used], reads.own), given.weight[used]))
    return np.stack([w for w, _ in found], axis=1), np.array([b for _, b in found])


def decision(cues: Floats, raised: Mask, weight: Floats) -> tuple[Floats, float]:
    """Return weights and offset of a logistic decision that departs from EXPECTED only where the windows insist.

    Args:
        cues: shape (n, len(CUES)).
        raised: shape (n,); both sides get the same total weight.
        weight: shape (n,).
    """
    sign, spread = np.where(raised, 1.0, -1.0), np.maximum(cues.std(axis=0), 1e-6)
    share = weight / np.where(raised, weight[raised].sum(), weight[~raised].sum()) / 2.0

    def cost(at: Floats) -> tuple[float, Floats]:
        margin = sign * (cues @ at[:-1] + at[-1])
        pull = -sign * share / (1.0 + np.exp(margin))
        off = (at[:-1] - EXPECTED) * spread
        slope = np.r_[cues.T @ pull + 2.0 * INSISTENCE * off * spread, pull.sum()]
        return float((share * np.logaddexp(0.0, -margin)).sum() + INSISTENCE * (off**2).sum()), slope

    best = minimize(cost, np.r_[EXPECTED, 0.0], jac=True, method="L-BFGS-B").x
    return best[:-1], float(best[-1])


def matched(found: dict[str, Any], first: dict[str, Any]) -> tuple[float, float]:
    """Return slope and offset of logits that bring the second ear's set points to the first ear's thresholds.

    So a threshold means the same rate of false alerts whichever ear judged a window, and a site that switches the
    second ear off keeps its rules.
    """
    settings = ("quiet_floor", "watchful")
    mine, wanted = (
        [float(np.log(points[name]["threshold"] / (1.0 - points[name]["threshold"]))) for name in settings]
        for points in (found, first)
    )
    slope = (wanted[0] - wanted[1]) / max(mine[0] - mine[1], _LEAST_APART)
    return slope, wanted[0] - slope * mine[0]
