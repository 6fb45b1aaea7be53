"""Judge customers' windows again, by a speech encoder, where the first ear finds a trace of a raised voice.

The encoder's graph (`encoder.onnx`) describes a window's voice by a vector. The second graph (`ear.onnx`) decides by
that vector, its difference from the leg's own calm voice, the level's rise and the first ear's scores. It returns
scores on the same scale, which replace the first ear's. A few calm windows of each leg are heard too, to know its calm
voice.

An encoder costs as much as the other stages of ten legs together. So a tick hears at most a budget of windows, the most
suspicious first; the first ear's scores stand for the others.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.audio.frames import Pcm
from callguard.audio.recent import Recent
from callguard.models import emotion, encoder
from callguard.models.calm_voice import CalmVoices
from callguard.models.card import Card, ModelError, load_card, sha256
from callguard.models.emotion import Scores
from callguard.models.encoder import VOICE, Encoder
from callguard.models.roles import CustomerRows, Rows
from callguard.models.session import open_session

SHIPPED: Final = Path(__file__).parent / "ear.onnx"
TRACE: Final = 0.2
"""`raised_voice` of the first ear from which a window is heard again."""
BUDGET: Final = 16
"""Most windows that one tick hears: a third of the tick's 0.1 s on a slow core."""
_INPUTS: Final = {
    "voice": (None, VOICE),
    "calm": (None, VOICE),
    "known": (None, 2),
    "rise": (None, 1),
    "first": (None, 2),
}
_OUTPUTS: Final = {"raised_voice": (None,), "anger": (None,)}


def open_second_ear(
    capacity: int, first: Path | None, warn: Callable[[str], None], budget: int | None = None, threads: int = 1
) -> "SecondEar | None":
    """Open the shipped second ear; where it can't be used, warn and return None: the first ear then judges alone.

    Args:
        capacity: rows.
        first: the configured model of the first ear; None: the shipped one.
        warn: gets one line that names the file and the fault.
        budget: most windows that one tick hears; None: no limit.
        threads: threads of each session.
    """
    try:
        return SecondEar(capacity, budget, first_path=first or emotion.SHIPPED, threads=threads)
    except ModelError as error:
        warn(f"the second ear is off, the first ear judges alone: {error}")
        return None


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
        budget: as above.
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
        self.budget = budget
        self._recent = Recent(capacity)
        self._calm = CalmVoices(capacity)

    def forget(self, row: int) -> None:
        """Delete a leg's audio and its calm voice."""
        self._recent.forget(row)
        self._calm.forget(row)

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
        again = suspicious[chosen]
        self.heard += len(chosen)
        self.skipped += int(suspicious.sum() - again.sum())
        if len(chosen) == 0:
            return first
        rows = customers.rows[chosen]
        voice = np.stack([self.encoder.voice(*self._recent.window(row)) for row in rows.tolist()])
        self._calm.learn(rows[~again], voice[~again])
        at, rows = chosen[again], rows[again]
        known = np.stack([self._calm.windows[rows], baseline_s[at]], axis=1).astype(np.float32)
        return self._decided(first, at, voice[again], self._calm.mean[rows], known, rise[at])

    def _choose(self, rows: Rows, score: FloatArray, suspicious: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the windows to hear, within the budget: suspicious ones by score, then calm ones by need."""
        calm = np.flatnonzero(~suspicious)
        wanted = suspicious.copy()
        wanted[calm] = self._calm.wanted(rows[calm])
        at = np.flatnonzero(wanted)
        if self.budget is None or len(at) <= self.budget:
            return at
        need = np.where(suspicious, score, -self._calm.windows[rows].astype(np.float32))[at]
        return np.sort(at[np.argsort(-need, kind="stable")[: self.budget]])

    def _decided(
        self,
        first: Scores,
        at: NDArray[np.intp],
        voice: FloatArray,
        calm: FloatArray,
        known: FloatArray,
        rise: FloatArray,
    ) -> Scores:
        """Return the scores with those at `at` replaced."""
        if len(at) == 0:
            return first
        scores = np.stack([first.raised_voice[at], first.anger[at]], axis=1)
        feed = {"voice": voice, "calm": calm, "known": known, "rise": rise[:, None], "first": scores}
        raised, anger = first.raised_voice.copy(), first.anger.copy()
        raised[at], anger[at] = self._session.run(["raised_voice", "anger"], feed)
        return Scores(raised, anger)
