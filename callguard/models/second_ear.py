"""Judge customers' windows again, by a speech encoder, where the first ear finds a trace of a raised voice.

The encoder's graph (`encoder.onnx`) describes a window's voice by a vector. The second graph (`ear.onnx`) decides by
that vector, its difference from the leg's own calm voice, the level's rise and the first ear's scores. It returns
scores on the same scale, which replace the first ear's. A few calm windows of each leg are heard too, to know its calm
voice.

An encoder costs as much as the other stages of ten legs together. So a tick hears at most a budget of windows, the most
suspicious first; the first ear's scores stand for the others.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.audio.frames import Pcm
from callguard.audio.recent import Recent
from callguard.models import emotion, encoder
from callguard.models.card import Card, ModelError, load_card, sha256
from callguard.models.emotion import Scores
from callguard.models.encoder import VOICE, Encoder
from callguard.models.roles import CustomerRows, Rows
from callguard.models.session import open_session

SHIPPED: Final = Path(__file__).parent / "ear.onnx"
TRACE: Final = 0.3
"""`raised_voice` of the first ear from which a window is heard again."""
BUDGET: Final = 16
"""Most windows that one tick hears: a third of the tick's 0.1 s on a slow core."""
CALM_WINDOWS: Final = 12
"""Calm windows that a leg's calm voice remembers; while they are fewer it is the plain mean."""
REFRESH: Final = 20
"""Calm windows from one that is heard to the next, once CALM_WINDOWS are known: about ten seconds of speech."""
_INPUTS: Final = {
    "voice": (None, VOICE),
    "calm": (None, VOICE),
    "known": (None, 2),
    "rise": (None, 1),
    "first": (None, 2),
}
_OUTPUTS: Final = {"raised_voice": (None,), "anger": (None,)}


class SecondEar:
    """The encoder, the decision and the memory of each leg.

    Args:
        capacity: rows.
        budget: most windows that one tick hears; None: no limit, for recordings.
        path: graph of the decision, made for the encoder at `encoder_path`.
        encoder_path: graph of the encoder.
        first_path: graph of the first ear, whose scores the decision must know.
        threads: threads of each session.

    Attributes:
        heard: windows that were heard.
        skipped: suspicious windows that the budget left to the first ear.

    Raises:
        ModelError: a file or its card is unusable, or the decision was made for other graphs.
    """

    def __init__(
        self,
        capacity: int,
        budget: int | None = None,
        path: Path = SHIPPED,
        encoder_path: Path = encoder.SHIPPED,
        first_path: Path = emotion.SHIPPED,
        threads: int = 1,
    ) -> None:
        self.encoder: Final = Encoder(encoder_path, threads)
        self.card: Final[Card] = load_card(path, "ear", (self.encoder.card.sha256, sha256(first_path)))
        if self.card.inputs != _INPUTS or self.card.outputs != _OUTPUTS:
            raise ModelError(f"{path}: takes {self.card.inputs}, gives {self.card.outputs}: not the documented shape")
        self.heard = self.skipped = 0
        self._session = open_session(path, self.card, threads)
        self._budget = budget
        self._recent = Recent(capacity)
        self._calm: FloatArray = np.zeros((capacity, VOICE), np.float32)
        self._windows: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self._due: NDArray[np.int64] = np.zeros(capacity, np.int64)

    def forget(self, row: int) -> None:
        """Delete a leg's audio and its calm voice."""
        self._recent.forget(row)
        self._calm[row] = 0.0
        self._windows[row] = self._due[row] = 0

    def remember(self, customers: CustomerRows, pcm: Pcm, speech: NDArray[np.bool_]) -> None:
        """Keep a hop of customers' audio; see `Recent.add`."""
        self._recent.add(customers.rows, pcm, speech)

    def judge(self, customers: CustomerRows, first: Scores, rise: FloatArray, baseline_s: FloatArray) -> Scores:
        """Return the scores of windows that end now: the first ear's, replaced where they are heard again.

        Args:
            customers: n legs.
            first: the first ear's scores.
            rise: loudness of each window above that of the leg's baseline in dB, shape (n,).
            baseline_s: seconds of speech in that baseline, shape (n,).
        """
        suspicious = first.raised_voice > TRACE
        chosen = self._choose(customers.rows, first.raised_voice, suspicious)
        self.heard += len(chosen)
        self.skipped += int(suspicious.sum() - suspicious[chosen].sum())
        if len(chosen) == 0:
            return first
        rows = customers.rows[chosen]
        voice = np.stack([self.encoder.voice(*self._recent.window(row)) for row in rows.tolist()])
        again = suspicious[chosen]
        self._learn(rows[~again], voice[~again])
        return self._decided(first, chosen[again], rows[again], voice[again], rise, baseline_s)

    def _choose(self, rows: Rows, score: FloatArray, suspicious: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the windows to hear, within the budget: suspicious ones by score, then calm ones by need."""
        self._due[rows[~suspicious]] -= 1
        wanted = np.flatnonzero(suspicious | (self._due[rows] < 0))
        if self._budget is None or len(wanted) <= self._budget:
            return wanted
        need = np.where(suspicious, score, -self._windows[rows].astype(np.float32))[wanted]
        return np.sort(wanted[np.argsort(-need, kind="stable")[: self._budget]])

    def _learn(self, rows: Rows, voice: FloatArray) -> None:
        """Add calm windows to their legs' calm voices."""
        self._windows[rows] += 1
        known = self._windows[rows]
        share = (1.0 / np.minimum(known, CALM_WINDOWS)).astype(np.float32)
        self._calm[rows] += share[:, None] * (voice - self._calm[rows])
        self._due[rows] = np.where(known < CALM_WINDOWS, 0, REFRESH)

    def _decided(
        self,
        first: Scores,
        at: NDArray[np.intp],
        rows: Rows,
        voice: FloatArray,
        rise: FloatArray,
        baseline_s: FloatArray,
    ) -> Scores:
        """Return the scores with those at `at` replaced."""
        if len(at) == 0:
            return first
        windows = np.minimum(self._windows[rows], CALM_WINDOWS).astype(np.float32)
        feed = {
            "voice": voice,
            "calm": self._calm[rows],
            "known": np.stack([windows, baseline_s[at]], axis=1),
            "rise": rise[at, None],
            "first": np.stack([first.raised_voice[at], first.anger[at]], axis=1),
        }
        raised, anger = first.raised_voice.copy(), first.anger.copy()
        raised[at], anger[at] = self._session.run(["raised_voice", "anger"], feed)
        return Scores(raised, anger)
