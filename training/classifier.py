"""Classify windows by emotion; compute for each head how much more likely its own classes are than the rest.

    margin = logsumexp(logits of the head's classes) - logsumexp(logits of the rest)
    logit  = margin of the linear part / its spread + margin of the networks / theirs

A classifier that separates anger from each other emotion generalises better to unseen corpora than one that separates
it from all others at once: the ablation has the figures. Sounds without words are a class of their own, so that those
which pass the gate score low.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from callguard.audio.features import FloatArray
from training.export import Graph, Layer

Floats = NDArray[np.float64]
Names = NDArray[np.str_]


class Reads(NamedTuple):
    """The classes that a head counts as its own, and the classes that it leaves out of the comparison."""

    own: tuple[str, ...]
    ignored: tuple[str, ...] = ()


HEADS: Final = {"raised_voice": Reads(("angry", "effort")), "anger": Reads(("angry",), ("effort",))}
NETWORKS: Final = 8
HIDDEN: Final = 32
EPOCHS: Final = 12


@dataclass(frozen=True)
class Classifier:
    """A linear model and a network of one hidden layer over the same classes.

    Attributes:
        classes: classes of the columns of both outputs.
        linear, hidden, out: the layers.
        scale: one over the spread of each head's margin, of the linear part and of the network, (2, len(HEADS)).
    """

    classes: tuple[str, ...]
    linear: Layer
    hidden: Layer
    out: Layer
    scale: Floats

    def logits(self, x: FloatArray) -> Floats:
        """Return the logit of each head, shape (n, len(HEADS))."""
        linear, network = self.scale
        result: Floats = linear * margins(_linear(self, x), self.classes) + network * margins(
            _network(self, x), self.classes
        )
        return result

    def add_to(self, graph: Graph, x: str) -> str:
        """Add `logits` to a graph; return its output's name."""
        parts = (graph.dense(x, [self.linear]), graph.dense(x, [self.hidden, self.out]))
        scaled = [
            graph.add("Mul", self._margins(graph, part), graph.constant(scale))
            for part, scale in zip(parts, self.scale, strict=True)
        ]
        return graph.add("Add", *scaled)

    def _margins(self, graph: Graph, logits: str) -> str:
        def mass(columns: list[int]) -> str:
            chosen = graph.add("Gather", logits, graph.constant(np.array(columns), np.int64), axis=1)
            return graph.add("ReduceLogSumExp", chosen, axes=[1], keepdims=1)

        sides = (columns_of(reads, self.classes) for reads in HEADS.values())
        return graph.add("Concat", *(graph.add("Sub", mass(own), mass(rest)) for own, rest in sides), axis=1)


def columns_of(reads: Reads, classes: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Return the columns of a head's own classes and of the classes with which it is compared."""
    own = [at for at, name in enumerate(classes) if name in reads.own]
    rest = [at for at, name in enumerate(classes) if name not in reads.own + reads.ignored]
    return own, rest


def margins(logits: Floats, classes: tuple[str, ...]) -> Floats:
    """Return how much more likely each head's own classes are than the rest, shape (n, len(HEADS))."""
    sides = (columns_of(reads, classes) for reads in HEADS.values())
    found = [logsumexp(logits[:, own], axis=1) - logsumexp(logits[:, rest], axis=1) for own, rest in sides]
    return np.stack(found, axis=1)


def fit_classifier(x: FloatArray, emotion: Names, weight: Floats, seed: int) -> Classifier:
    """Fit a classifier.

    Args:
        x: inputs, shape (n, features).
        emotion: class of each row, shape (n,).
        weight: weight of each row, shape (n,).
        seed: seed of the networks.
    """
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), np.float32(1e-3))
    standard = ((x - mean) / scale).astype(np.float64)
    classes = tuple(str(name) for name in np.unique(emotion))
    linear = LogisticRegression(C=1e-3, max_iter=500).fit(standard, emotion, sample_weight=weight)
    networks = [_fitted(standard, emotion, classes, weight, seed + at) for at in range(NETWORKS)]
    hidden = Layer(
        np.hstack([net.coefs_[0] for net in networks]), np.concatenate([net.intercepts_[0] for net in networks])
    )
    out = Layer(
        np.vstack([net.coefs_[1] for net in networks]) / NETWORKS, np.mean([net.intercepts_[1] for net in networks], 0)
    )
    plain = Classifier(
        classes,
        _unscaled(Layer(linear.coef_.T, linear.intercept_), mean, scale),
        _unscaled(hidden, mean, scale),
        out,
        np.ones((2, len(HEADS))),
    )
    spread = [margins(part(plain, x), classes).std(axis=0) for part in (_linear, _network)]
    return Classifier(classes, plain.linear, plain.hidden, plain.out, 1.0 / np.array(spread))


def _linear(model: Classifier, x: FloatArray) -> Floats:
    result: Floats = x @ model.linear.weight + model.linear.bias
    return result


def _network(model: Classifier, x: FloatArray) -> Floats:
    result: Floats = np.maximum(x @ model.hidden.weight + model.hidden.bias, 0.0) @ model.out.weight + model.out.bias
    return result


def _fitted(x: Floats, emotion: Names, classes: tuple[str, ...], weight: Floats, seed: int) -> MLPClassifier:
    """Fit a small network on rows drawn by weight; each network gets another sample."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(x), len(x), p=weight / weight.sum())
    net = MLPClassifier((HIDDEN,), alpha=1.0, learning_rate_init=2e-3, batch_size=512, tol=0.0, random_state=seed)
    for _ in range(EPOCHS):
        net.partial_fit(x[rows], emotion[rows], classes=classes)
    return net


def _unscaled(layer: Layer, mean: FloatArray, scale: FloatArray) -> Layer:
    """Return the layer for raw inputs that equals a layer for standardised inputs."""
    weight = layer.weight / scale[:, None]
    return Layer(weight, layer.bias - mean @ weight)
