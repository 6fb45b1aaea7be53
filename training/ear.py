"""The second ear's decision: raised voice and anger from the encoder's vector and the first ear's scores.

    expected = usual + trust * (calm - usual)            trust = windows / (windows + PRIOR_WINDOWS)
    absolute = linear((voice - usual) / spread)
    relative = linear((voice - expected) / spread)
    risen    = clip(rise) * baseline_s / (baseline_s + PRIOR_S)
    output   = sigmoid(weights of (absolute, relative, risen, logit of the first ear, 1 - trust) + offset)

`calm` is the mean vector of the leg's calm windows; without any the usual voice stands for it.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.models.encoder import VOICE
from training.classifier import HEADS
from training.export import Graph, Layer, Size, write_card

Floats = NDArray[np.float64]

PRIOR_WINDOWS: Final = 2.0
"""Calm windows at which the leg's own calm voice counts as much as the usual one."""
PRIOR_S: Final = 1.0
"""Seconds of calm speech at which half of a level's rise counts."""
RISE_DB: Final = 15.0
"""Limit of a level's rise, either way."""
CERTAIN: Final = 1e-4
"""Least distance of the first ear's scores from 0 and 1."""
CUES: Final = ("absolute", "relative", "risen", "first", "cold")
"""What the decision weighs."""
INPUTS: Final[dict[str, Size]] = {"voice": VOICE, "calm": VOICE, "known": 2, "rise": 1, "first": 2}
OUTPUTS: Final[dict[str, Size]] = dict.fromkeys(HEADS)


class Asked(NamedTuple):
    """Windows as the second ear gets them.

    Attributes:
        voice: the encoder's vectors, shape (n, VOICE).
        calm: mean vectors of the legs' calm windows, same shape.
        known: number of those windows, and seconds of speech in the first ear's baseline, shape (n, 2).
        rise: loudness above the baseline in dB, shape (n, 1).
        first: the first ear's scores, shape (n, len(HEADS)).
    """

    voice: FloatArray
    calm: FloatArray
    known: FloatArray
    rise: FloatArray
    first: FloatArray


@dataclass(frozen=True)
class Ear:
    """The whole decision.

    Attributes:
        usual, spread: of calm windows, shape (VOICE,).
        absolute, relative: layers (VOICE, len(HEADS)).
        weights: of CUES for each head, shape (len(CUES), len(HEADS)).
        offset: shape (len(HEADS),).
    """

    usual: FloatArray
    spread: FloatArray
    absolute: Layer
    relative: Layer
    weights: Floats
    offset: Floats

    def changes(self, asked: Asked, rows: NDArray[np.bool_] | slice = slice(None)) -> tuple[FloatArray, FloatArray]:
        """Return the difference from the usual voice and that from the leg's own calm voice, shape (n, VOICE) each."""
        voice, expected = asked.voice[rows], self._expected(asked)[rows]
        return (voice - self.usual) / self.spread, (voice - expected) / self.spread

    def cues(self, asked: Asked) -> Floats:
        """Return CUES of each head, shape (n, len(CUES), len(HEADS))."""
        absolute, relative = self.changes(asked)
        first = np.clip(asked.first, CERTAIN, 1.0 - CERTAIN)
        risen = np.clip(asked.rise, -RISE_DB, RISE_DB) * _trust(asked.known[:, 1:], PRIOR_S)
        cold = 1.0 - _trust(asked.known[:, :1], PRIOR_WINDOWS)
        both = (1, len(HEADS))
        parts = (
            absolute @ self.absolute.weight + self.absolute.bias,
            relative @ self.relative.weight + self.relative.bias,
            np.tile(risen, both),
            np.log(first / (1.0 - first)),
            np.tile(cold, both),
        )
        result: Floats = np.stack(parts, axis=1)
        return result

    def _expected(self, asked: Asked) -> FloatArray:
        result: FloatArray = self.usual + _trust(asked.known[:, :1], PRIOR_WINDOWS) * (asked.calm - self.usual)
        return result

    def probabilities(self, asked: Asked) -> Floats:
        """Return the outputs of the graph, shape (n, len(HEADS))."""
        logits = (self.cues(asked) * self.weights).sum(axis=1) + self.offset
        result: Floats = 1.0 / (1.0 + np.exp(-logits))
        return result

    def scaled(self, slope: float, offset: float) -> "Ear":
        """Return an ear whose logits are those of this one, times `slope`, plus `offset`."""
        return replace(self, weights=self.weights * slope, offset=self.offset * slope + offset)

    def export(self, path: Path, encoder: str, first: str, facts: dict[str, Any]) -> None:
        """Write the ONNX file and its card.

        Args:
            path: the file.
            encoder: SHA-256 of the encoder's file.
            first: SHA-256 of the first ear's file, whose scores were learnt from.
            facts: further contents of the card.
        """
        graph = Graph()
        chance = graph.add("Sigmoid", _add_logits(graph, self))
        for at, head in enumerate(HEADS):
            graph.add("Gather", chance, graph.constant(at, np.int64), output=head, axis=1)
        graph.save(path, INPUTS, OUTPUTS)
        write_card(path, "ear", INPUTS, OUTPUTS, facts, features=(encoder, first))


def _trust(amount: FloatArray, prior: float) -> FloatArray:
    result: FloatArray = amount / (amount + np.float32(prior))
    return result


def _add_logits(graph: Graph, ear: Ear) -> str:
    windows, seconds = _column(graph, "known", 0), _column(graph, "known", 1)
    trust = _share(graph, windows, PRIOR_WINDOWS)
    usual = graph.constant(ear.usual)
    expected = graph.add("Add", usual, graph.add("Mul", trust, graph.add("Sub", "calm", usual)))
    scale = graph.constant(1.0 / ear.spread)
    parts = [
        graph.dense(graph.add("Mul", graph.add("Sub", "voice", anchor), scale), [layer])
        for anchor, layer in ((usual, ear.absolute), (expected, ear.relative))
    ]
    limit = graph.constant(RISE_DB)
    rise = graph.add("Max", graph.add("Min", "rise", limit), graph.add("Neg", limit))
    first = graph.add("Max", graph.add("Min", "first", graph.constant(1.0 - CERTAIN)), graph.constant(CERTAIN))
    one = graph.constant(1.0)
    parts += [
        graph.add("Mul", rise, _share(graph, seconds, PRIOR_S)),
        graph.add("Log", graph.add("Div", first, graph.add("Sub", one, first))),
        graph.add("Sub", one, trust),
    ]
    total = graph.constant(ear.offset)
    for part, weight in zip(parts, ear.weights, strict=True):
        total = graph.add("Add", total, graph.add("Mul", part, graph.constant(weight)))
    return total


def _column(graph: Graph, name: str, at: int) -> str:
    return graph.add("Gather", name, graph.constant(np.array([at]), np.int64), axis=1)


def _share(graph: Graph, amount: str, prior: float) -> str:
    return graph.add("Div", amount, graph.add("Add", amount, graph.constant(prior)))
