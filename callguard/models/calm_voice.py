"""Learn each leg's calm voice: the mean of the encoder's vectors of some of its calm windows.

Runtime and training both use it, so that the decision is learnt from what it will get.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.models.encoder import VOICE
from callguard.models.roles import Rows

MOST_WINDOWS: Final = 12
"""Calm windows that a calm voice remembers; while they are fewer it is the plain mean."""
REFRESH: Final = 20
"""Calm windows from one that is heard to the next, once MOST_WINDOWS are known: about ten seconds of speech."""


class CalmVoices:
    """The calm voice of each leg.

    Attributes:
        mean: shape (capacity, VOICE).
        windows: number of windows in it, at most MOST_WINDOWS, shape (capacity,).
    """

    def __init__(self, capacity: int) -> None:
        self.mean: FloatArray = np.zeros((capacity, VOICE), np.float32)
        self.windows: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self._wait: NDArray[np.int64] = np.zeros(capacity, np.int64)

    def forget(self, row: int) -> None:
        """Clear a leg's calm voice."""
        self.mean[row] = 0.0
        self.windows[row] = self._wait[row] = 0

    def wanted(self, rows: Rows) -> NDArray[np.bool_]:
        """Take note of a calm window of each leg; return which of them are to be heard, shape (n,)."""
        result: NDArray[np.bool_] = self._wait[rows] <= 0
        self._wait[rows] -= 1
        return result

    def learn(self, rows: Rows, voice: FloatArray) -> None:
        """Add a heard calm window of each leg, shape (n, VOICE)."""
        known = np.minimum(self.windows[rows] + 1, MOST_WINDOWS)
        self.windows[rows] = known
        share = np.float32(1.0) / known[:, None].astype(np.float32)
        self.mean[rows] += share * (voice - self.mean[rows])
        self._wait[rows] = np.where(known < MOST_WINDOWS, 0, REFRESH)
