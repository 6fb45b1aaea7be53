"""Classify the sound of any leg's window: speech, music, noise, a tone, a voice without words. It infers no emotion."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.audio.gates import Reason
from callguard.audio.window import FUNCTIONALS
from callguard.models.card import Card, ModelError, load_card
from callguard.models.session import open_session

SHIPPED: Final = Path(__file__).parent / "gate.onnx"
CLASSES: Final = ("speech", "music", "noise", "tone", "laughter")
_REASONS: Final = np.array([Reason.JUDGED, Reason.MUSIC, Reason.NOISE, Reason.TONE, Reason.LAUGHTER], dtype=np.int8)
_FOLLOW: Final = 0.5
"""Weight of the newest window in the smoothed classes of a leg."""


class GateModel:
    """The gate model and its smoothed classes of each leg.

    Raises:
        ModelError: the file or its card is unusable.
    """

    def __init__(self, capacity: int, path: Path = SHIPPED, threads: int = 1) -> None:
        self.card: Card = load_card(path, "gate", FUNCTIONALS)
        if self.card.classes != CLASSES:
            raise ModelError(f"{path}: classes are {self.card.classes}, expected {CLASSES}")
        self._session = open_session(path, self.card, threads)
        self._belief: FloatArray = np.zeros((capacity, len(CLASSES)), np.float32)

    def forget(self, row: int) -> None:
        """Clear a leg's smoothed classes."""
        self._belief[row] = 0.0

    def reasons(self, rows: NDArray[np.intp], window: FloatArray, speech_s: FloatArray) -> NDArray[np.int8]:
        """Return JUDGED for windows of speech and the reason for the others, shape (n,).

        Args:
            rows: legs, shape (n,).
            window: functionals, shape (n, len(FUNCTIONALS)).
            speech_s: seconds of each window that passed the VAD, shape (n,); fewer seconds weigh less.
        """
        if len(rows) == 0:
            return np.zeros(0, np.int8)
        (logits,) = self._session.run(["logits"], {"window": window})
        belief = self._belief[rows]
        follow = _FOLLOW * np.minimum(speech_s, 1.0)[:, None]
        belief += follow * (logits - belief)
        self._belief[rows] = belief
        result: NDArray[np.int8] = _REASONS[belief.argmax(axis=1)]
        return result
