"""The voice model: raised voice and anger from the difference of a window from the leg's own calm start.

    expected = anchor + trust * (baseline - anchor)    trust = baseline_s / (baseline_s + PRIOR_S)
    anchor   = the usual value; for levels the window itself, since the level depends on the line's gain
    x        = clip((window - expected) / spread)      levels tighter than the rest, most spreads to 0
    logit    = classifier(x)                           for each head; see classifier.py
    own      = logit - OWN * (calm - usual_calm)       calm: running logit of the leg's calm windows
    output   = sigmoid(slope * own + offset)

`calm` is learnt like the baseline: a window clearly above it hardly counts. Outputs are not smoothed: a rule's `for`
demands windows that agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from callguard.audio.features import FloatArray
from callguard.audio.window import FUNCTIONALS
from training.classifier import HEADS, Classifier
from training.export import Graph, write_card
from training.legs import Heard

PRIOR_S: Final = 1.0
"""Seconds of calm speech at which the leg's own start counts as much as the usual voice."""
CLIP: Final = 5.0
LEVEL_CLIP: Final = 1.0
"""Limit of the levels, about 9 dB: another handset or a gain jump must not outweigh the sound of the voice."""
IS_LEVEL: Final = np.array([name in ("level_mean", "level_all_mean", "loudness") for name in FUNCTIONALS])
LEFT_OUT: Final = np.array([name.endswith("_spread") and name != "mid_spread" for name in FUNCTIONALS])
"""Spreads that are left out, all but one, since they vary with the lengths of sentences and pauses."""
LIMITS: Final = np.select([IS_LEVEL, LEFT_OUT], [LEVEL_CLIP, 0.0], CLIP).astype(np.float32)
OWN: Final = 0.25
"""Share of a leg's own calm logit that is subtracted: some voices and lines always sound slightly raised."""
OWN_PRIOR: Final = 10.0
"""Initial weight of the usual calm logit, in windows."""
OWN_MEMORY: Final = 60.0
OWN_ABOVE: Final = 1.5
OWN_SOFT: Final = 0.5
"""Distance above the calm logit at which a window counts half; a higher window counts less."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """Usual values on a calm line and their spread; shape (len(FUNCTIONALS),) each."""

    usual: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, calm: FloatArray) -> "Scaling":
        """Return the scaling of windows of calm speech."""
        return cls(calm.mean(axis=0), np.maximum(calm.std(axis=0), np.float32(1e-3)))

    def change(self, heard: Heard) -> FloatArray:
        """Return the model's inputs, shape (n, len(FUNCTIONALS))."""
        trust = (heard.baseline_s / (heard.baseline_s + np.float32(PRIOR_S)))[:, None]
        anchor = np.where(IS_LEVEL, heard.window, self.usual)
        expected = anchor + trust * (heard.baseline - anchor)
        result: FloatArray = np.clip((heard.window - expected) / self.spread, -LIMITS, LIMITS).astype(np.float32)
        return result


@dataclass(frozen=True)
class Voice:
    """The whole model.

    Attributes:
        calm: usual logits of calm windows, shape (len(HEADS),).
        calibration: slope and offset of each head, shape (2, len(HEADS)).
    """

    scaling: Scaling
    classifier: Classifier
    calm: Floats
    calibration: Floats

    def logits(self, heard: Heard) -> Floats:
        """Return logits before the own score and calibration, shape (n, len(HEADS))."""
        return self.classifier.logits(self.scaling.change(heard))

    def probabilities(self, heard: Heard) -> Floats:
        """Return the outputs of the graph, shape (n, len(HEADS)); a leg's rows must be in order of time."""
        return calibrated(follow(self.logits(heard), heard.leg, self.calm), self.calibration)

    def export(self, path: Path, facts: dict[str, Any]) -> None:
        """Write the ONNX file and its card."""
        graph = Graph()
        size, memory = len(FUNCTIONALS), 2 * len(HEADS)
        inputs = {"window": size, "baseline": size, "evidence": 2, "state": memory}
        outputs: dict[str, int | None] = {**dict.fromkeys(HEADS), "state_out": memory}
        logits = self.classifier.add_to(graph, _change(graph, self.scaling))
        own = _following(graph, logits, self.calm)
        slope, offset = self.calibration
        scaled = graph.add("Add", graph.add("Mul", own, graph.constant(slope)), graph.constant(offset))
        chance = graph.add("Sigmoid", scaled)
        for at, head in enumerate(HEADS):
            graph.add("Gather", chance, graph.constant(at, np.int64), output=head, axis=1)
        graph.save(path, inputs, outputs)
        write_card(path, "emotion", inputs, outputs, facts)


def _change(graph: Graph, scaling: Scaling) -> str:
    seconds = graph.add("Gather", "evidence", graph.constant(np.array([1]), np.int64), axis=1)
    trust = graph.add("Div", seconds, graph.add("Add", seconds, graph.constant(PRIOR_S)))
    anchor = graph.add("Where", graph.constant(IS_LEVEL, np.bool_), "window", graph.constant(scaling.usual))
    expected = graph.add("Add", anchor, graph.add("Mul", trust, graph.add("Sub", "baseline", anchor)))
    change = graph.add("Mul", graph.add("Sub", "window", expected), graph.constant(1.0 / scaling.spread))
    return graph.add("Max", graph.add("Min", change, graph.constant(LIMITS)), graph.constant(-LIMITS))


def _following(graph: Graph, logits: str, calm: Floats) -> str:
    """Add `follow` for one window; state is (calm windows, own calm logit less the usual)."""

    def part(first: int, count: int) -> str:
        return graph.add("Gather", "state", graph.constant(np.arange(first, first + count), np.int64), axis=1)

    heads = len(HEADS)
    count, shift = part(0, heads), part(heads, heads)
    above = graph.add("Sub", graph.add("Sub", logits, graph.constant(calm)), shift)
    own = graph.add("Sub", logits, graph.add("Mul", shift, graph.constant(OWN)))
    weight = graph.add("Div", graph.add("Sub", graph.constant(OWN_ABOVE), above), graph.constant(OWN_SOFT))
    weight = graph.add("Sigmoid", weight)
    count = graph.add("Min", graph.add("Add", count, weight), graph.constant(OWN_MEMORY - OWN_PRIOR))
    step = graph.add("Div", weight, graph.add("Add", count, graph.constant(OWN_PRIOR)))
    shift = graph.add("Add", shift, graph.add("Mul", step, above))
    graph.add("Concat", count, shift, output="state_out", axis=1)
    return own


def follow(logits: Floats, leg: NDArray[np.intp], calm: Floats) -> Floats:
    """Return logits as the graph follows them along each leg, shape of `logits`; rows of a leg in order of time.

    Args:
        logits: shape (n, len(HEADS)).
        leg: leg of each row, shape (n,).
        calm: usual logits of calm windows, shape (len(HEADS),).
    """
    out = np.empty_like(logits)
    order = np.argsort(leg, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(leg[order]) != 0]) if len(order) else np.zeros(0, np.intp)
    for rows in np.split(order, starts[1:]):
        count, shift = np.zeros(logits.shape[1]), np.zeros(logits.shape[1])
        for row in rows:
            above = logits[row] - calm - shift
            out[row] = logits[row] - OWN * shift
            weight = 1.0 / (1.0 + np.exp((above - OWN_ABOVE) / OWN_SOFT))
            count = np.minimum(count + weight, OWN_MEMORY - OWN_PRIOR)
            shift = shift + weight / (count + OWN_PRIOR) * above
    return out


def calibrated(logits: Floats, calibration: Floats) -> Floats:
    """Return probabilities of followed logits, shape of `logits`."""
    slope, offset = calibration
    result: Floats = 1.0 / (1.0 + np.exp(-(slope * logits + offset)))
    return result


def calibrate(logits: Floats, y: Floats, weight: Floats) -> Floats:
    """Return slope and offset of each head that make followed logits probabilities (Platt), shape (2, len(HEADS))."""
    found: Sequence[tuple[float, float]] = [_platt(logits[:, head], y, weight) for head in range(len(HEADS))]
    return np.array(found).T


def _platt(logits: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    model = LogisticRegression(C=1e3).fit(logits[:, None], y > 0.5, sample_weight=weight)
    return float(model.coef_[0, 0]), float(model.intercept_[0])
