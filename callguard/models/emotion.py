"""Score raised voice and anger of customers' legs: one ONNX graph for all legs at once, with its state outside.

The graph takes `window` and `baseline` (functionals, (n, features)), `evidence` ((n, 2): seconds of speech in both)
and, if it has memory, `state` ((n, size), zeros at first). It returns `raised_voice` and `anger` ((n,), calibrated 0-1)
and, if it has memory, `state_out`. `analysis.model` may name another model of this shape with its card.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from callguard.audio.features import FloatArray
from callguard.audio.window import FUNCTIONALS
from callguard.models.card import Card, ModelError, load_card
from callguard.models.roles import CustomerRows
from callguard.models.session import open_session

SHIPPED: Final = Path(__file__).parent / "voice.onnx"
_INPUTS: Final = {"window", "baseline", "evidence"}
_OUTPUTS: Final = {"raised_voice", "anger"}


class Scores(NamedTuple):
    """The model's scores of windows, shape (n,) each."""

    raised_voice: FloatArray
    anger: FloatArray


class EmotionModel:
    """The model and its memory of each leg.

    Args:
        capacity: rows.
        path: the ONNX file; its card lies beside it.
        threads: number of threads of the session.

    Raises:
        ModelError: the file or its card is unusable.
    """

    def __init__(self, capacity: int, path: Path = SHIPPED, threads: int = 1) -> None:
        self.card: Card = load_card(path, "emotion", FUNCTIONALS)
        self.fingerprint: Final = self.card.sha256[:16]
        inputs, outputs = set(self.card.inputs), set(self.card.outputs)
        remembers = "state" in inputs
        if remembers:
            inputs, outputs = inputs - {"state"}, outputs - {"state_out"}
        if inputs != _INPUTS or outputs != _OUTPUTS or remembers != ("state_out" in self.card.outputs):
            raise ModelError(f"{path}: takes {sorted(inputs)}, gives {sorted(outputs)}: not the documented shape")
        self._session = open_session(path, self.card, threads)
        size = (self.card.inputs["state"][1] or 0) if remembers else 0
        self._state: FloatArray = np.zeros((capacity, size), np.float32)

    def forget(self, row: int) -> None:
        """Clear a leg's memory."""
        self._state[row] = 0.0

    def memory(self, row: int) -> bytes:
        """Return what is remembered of a leg, for `recall` by the same model."""
        state: bytes = self._state[row].tobytes()
        return state

    def recall(self, row: int, memory: bytes, model: str) -> bool:
        """Remember what an earlier tap of a leg has learnt; return False where another model learnt it."""
        if model != self.fingerprint or len(memory) != self._state[row].nbytes:
            return False
        state = np.frombuffer(memory, np.float32)
        if not np.isfinite(state).all():
            return False
        self._state[row] = state
        return True

    def score(self, rows: CustomerRows, window: FloatArray, baseline: FloatArray, evidence: FloatArray) -> Scores:
        """Judge windows of customers' legs.

        Args:
            rows: n legs.
            window: functionals, shape (n, len(FUNCTIONALS)).
            baseline: functionals of the leg's calm speech, same shape.
            evidence: seconds of speech in window and baseline, shape (n, 2).
        """
        if len(rows) == 0:
            return Scores(np.zeros(0, np.float32), np.zeros(0, np.float32))
        feed = {"window": window, "baseline": baseline, "evidence": evidence}
        if self._state.shape[1] == 0:
            return Scores(*self._session.run(["raised_voice", "anger"], feed))
        feed["state"] = self._state[rows.rows]
        raised, anger, state = self._session.run(["raised_voice", "anger", "state_out"], feed)
        self._state[rows.rows] = state
        return Scores(raised, anger)
