"""The voice model: raised voice and anger from a window's functionals and their change against the leg's calm start.

    expected = usual + trust * (baseline - usual)      trust = baseline_s / (baseline_s + PRIOR_S)
    x = [clip((window - usual) / spread) without level, clip((window - expected) / spread)]
    logits = linear(x);  smoothed over windows;  calibrated by a and b;  sigmoid
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from callguard.audio.features import FloatArray
from callguard.audio.window import FUNCTIONALS
from training.export import Graph, Layer, write_card
from training.legs import Heard

PRIOR_S: Final = 2.0
"""Seconds of calm speech at which the leg's own start counts as much as the usual voice."""
CLIP: Final = 5.0
SMOOTH: Final = 0.5
"""Weight of the newest window in the running logit."""
_LEVELS: Final = ("level_mean", "level_all_mean", "loudness")
ABSOLUTE: Final = np.array([index for index, name in enumerate(FUNCTIONALS) if name not in _LEVELS])
HEADS: Final = ("raised_voice", "anger")


@dataclass(frozen=True)
class Scaling:
    """What is usual on a calm line, and how much it varies; shape (len(FUNCTIONALS),) each."""

    usual: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, calm: FloatArray) -> "Scaling":
        """Measure windows of calm speech."""
        return cls(calm.mean(axis=0), np.maximum(calm.std(axis=0), 1e-3))

    def inputs(self, heard: Heard) -> FloatArray:
        """Return the regression's inputs, shape (n, len(ABSOLUTE) + len(FUNCTIONALS))."""
        trust = (heard.baseline_s / (heard.baseline_s + np.float32(PRIOR_S)))[:, None]
        expected = self.usual + trust * (heard.baseline - self.usual)
        absolute = (heard.window - self.usual)[:, ABSOLUTE] / self.spread[ABSOLUTE]
        change = (heard.window - expected) / self.spread
        return np.clip(np.hstack([absolute, change]), -CLIP, CLIP).astype(np.float32)


@dataclass
class Voice:
    """Scaling, one linear model a head, calibration."""

    scaling: Scaling
    layers: list[Layer]
    calibration: NDArray[np.float64]
    """Slope and offset a head, shape (2, len(HEADS))."""

    def logits(self, heard: Heard) -> NDArray[np.float64]:
        """Return uncalibrated logits, shape (n, len(HEADS)), before smoothing."""
        value: NDArray[np.float64] = self.scaling.inputs(heard).astype(np.float64)
        for at, layer in enumerate(self.layers):
            value = value @ layer.weight + layer.bias
            value = np.maximum(value, 0) if at + 1 < len(self.layers) else value
        return value

    def probabilities(self, heard: Heard) -> NDArray[np.float64]:
        """Return what the graph gives, shape (n, len(HEADS)); rows of a leg must be in order of time."""
        slope, offset = self.calibration
        return 1.0 / (1.0 + np.exp(-(slope * smooth(self.logits(heard), heard.leg) + offset)))

    def export(self, path: Path, facts: dict[str, Any]) -> None:
        """Write the ONNX file and its card."""
        graph = Graph()
        inputs = {"window": len(FUNCTIONALS), "baseline": len(FUNCTIONALS), "evidence": 2, "state": 1 + len(HEADS)}
        outputs = {**dict.fromkeys(HEADS), "state_out": 1 + len(HEADS)}
        running = _smoothing(graph, graph.dense(_scaled(graph, self.scaling), self.layers))
        slope, offset = self.calibration
        calibrated = graph.add("Mul", running, graph.constant(slope))
        chance = graph.add("Sigmoid", graph.add("Add", calibrated, graph.constant(offset)))
        for at, head in enumerate(HEADS):
            graph.add("Gather", chance, graph.constant(at, np.int64), output=head, axis=1)
        graph.save(path, inputs, outputs)
        write_card(path, "emotion", inputs, outputs, facts)


def _scaled(graph: Graph, scaling: Scaling) -> str:
    seconds = graph.add("Gather", "evidence", graph.constant(np.array([1]), np.int64), axis=1)
    trust = graph.add("Div", seconds, graph.add("Add", seconds, graph.constant(PRIOR_S)))
    usual, scale = graph.constant(scaling.usual), graph.constant(1.0 / scaling.spread)
    expected = graph.add("Add", usual, graph.add("Mul", trust, graph.add("Sub", "baseline", usual)))
    absolute = graph.add("Mul", graph.add("Sub", "window", usual), scale)
    absolute = graph.add("Gather", absolute, graph.constant(ABSOLUTE, np.int64), axis=1)
    change = graph.add("Mul", graph.add("Sub", "window", expected), scale)
    both = graph.add("Concat", absolute, change, axis=1)
    return graph.add("Clip", both, graph.constant(-CLIP), graph.constant(CLIP))


def _smoothing(graph: Graph, logits: str) -> str:
    """Running mean until the window weight falls to SMOOTH; state is (windows seen, running logits)."""
    seen = graph.add("Gather", "state", graph.constant(np.array([0]), np.int64), axis=1)
    before = graph.add("Gather", "state", graph.constant(np.array([1, 2]), np.int64), axis=1)
    seen = graph.add("Add", seen, graph.constant(1.0))
    weight = graph.add("Max", graph.add("Div", graph.constant(1.0), seen), graph.constant(SMOOTH))
    running = graph.add("Add", before, graph.add("Mul", weight, graph.add("Sub", logits, before)))
    graph.add("Concat", seen, running, output="state_out", axis=1)
    return running


def smooth(logits: NDArray[np.float64], leg: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return logits as the graph smooths them along each leg, shape of `logits`."""
    out = np.empty_like(logits)
    seen: dict[int, tuple[int, NDArray[np.float64]]] = {}
    for row, owner in enumerate(leg.tolist()):
        count, before = seen.get(owner, (0, np.zeros(logits.shape[1])))
        running = before + max(1.0 / (count + 1), SMOOTH) * (logits[row] - before)
        seen[owner] = count + 1, running
        out[row] = running
    return out


def fit_linear(x: FloatArray, y: NDArray[np.float64], weight: NDArray[np.float64], strength: float) -> Layer:
    """Fit a logistic regression on standardised inputs; return it as a layer on the inputs as they are."""
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    model = LogisticRegression(C=strength, max_iter=400).fit((x - mean) / scale, y > 0.5, sample_weight=weight)
    coefficients = model.coef_[0] / scale
    return Layer(coefficients[:, None], np.array([model.intercept_[0] - coefficients @ mean]))


def calibrate(logits: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and offset that make a logit's sigmoid a probability (Platt)."""
    model = LogisticRegression(C=1e3).fit(logits[:, None], y > 0.5, sample_weight=weight)
    return float(model.coef_[0, 0]), float(model.intercept_[0])
