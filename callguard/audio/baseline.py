"""Learn each leg's own calm start, with which its later speech is compared.

A baseline is learnt from the first words on. It shrinks towards the usual voice while there is little speech. Later it
follows the line slowly, and it hardly learns from windows above it, so that shouting does not become normal.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.audio.frames import FRAME_S
from callguard.audio.window import FUNCTIONALS, SUMS, functionals, seconds

MEMORY_S: Final = 40.0
"""Seconds of speech that a baseline remembers; a shorter baseline is the plain mean."""
KEPT_S: Final = 1.0
"""Seconds of speech that a baseline keeps after hold or transfer."""
WHOLE_S: Final = 60.0
"""Seconds without sound in which a baseline that is carried over to a leg's next tap keeps its full weight."""
HALVED_S: Final = 60.0
"""Seconds beyond WHOLE_S in which the weight of a carried baseline is halved; it never falls below KEPT_S."""
_PRIOR_S: Final = 2.0
"""Weight of the usual voice, in seconds of speech, when a window's calmness is judged."""

# The functionals that vocal effort moves most: the usual value on a calm line, and the change that counts as one step.
_CUES: Final = (("long_mid", 1.5, 5.0), ("long_alpha", -6.0, 4.0), ("pitch_mean", 8.5, 5.0), ("loudness", 0.0, 10.0))
_IS_LEVEL: Final = np.array([name == "loudness" for name, _, _ in _CUES])
"""The functional without a usual value: it depends on the line's gain, so only the leg's own baseline counts."""
_CUE_AT: Final = np.array([FUNCTIONALS.index(name) for name, _, _ in _CUES])
_USUAL: Final = np.array([usual for _, usual, _ in _CUES], dtype=np.float32)
_STEP: Final = np.array([step for _, _, step in _CUES], dtype=np.float32)
_LEARN_BELOW: Final = 0.55
_LEARN_SOFTNESS: Final = 0.12


class Baselines:
    """Sums of the calm speech of each leg.

    Attributes:
        sums: shape (capacity, SUMS).
        carried_s: seconds of speech in each baseline from an earlier tap of the leg, shape (capacity,).
    """

    def __init__(self, capacity: int) -> None:
        self.sums: FloatArray = np.zeros((capacity, SUMS), np.float32)
        self.carried_s: FloatArray = np.zeros(capacity, np.float32)

    def clear(self, row: int) -> None:
        """Forget a leg."""
        self.sums[row] = self.carried_s[row] = 0.0

    def carry_over(self, row: int, sums: FloatArray, worth_s: float) -> None:
        """Start with the baseline that an earlier tap of the leg has learnt.

        Args:
            row: row of a cleared leg.
            sums: shape (SUMS,).
            worth_s: weight of the sums in seconds of speech.
        """
        have = max(float(seconds(sums[None])[0]), FRAME_S)
        self.sums[row] = sums * (worth_s / have)
        self.carried_s[row] = worth_s

    def loosen(self, rows: NDArray[np.intp]) -> None:
        """Keep only KEPT_S of the baseline: after hold or transfer another voice or line may follow."""
        share = KEPT_S / np.maximum(seconds(self.sums[rows]), KEPT_S)
        self.sums[rows] *= share[:, None]
        self.carried_s[rows] *= share

    def learn(self, rows: NDArray[np.intp], block: FloatArray, window: FloatArray) -> None:
        """Add a block to the baseline, weighted by the calmness of its window.

        Args:
            rows: shape (n,).
            block: sums of the block, shape (n, SUMS).
            window: functionals of the window that ends with it, shape (n, len(FUNCTIONALS)).
        """
        known = self.sums[rows]
        have = seconds(known)
        weight = calmness(window, functionals(known), have)
        keep = np.minimum(1.0, (MEMORY_S - weight * seconds(block)) / np.maximum(have, FRAME_S))
        self.sums[rows] = known * keep[:, None] + block * weight[:, None]
        self.carried_s[rows] *= keep


def worth(have_s: float, age_s: float, *, loose: bool = False) -> float:
    """Return the weight of a carried baseline in seconds of speech.

    Args:
        have_s: seconds of speech in the baseline.
        age_s: age of the baseline in seconds.
        loose: whether the parties were apart or on hold meanwhile, so that another voice may follow.
    """
    aged = have_s * 0.5 ** (max(age_s - WHOLE_S, 0.0) / HALVED_S)
    return min(have_s, KEPT_S if loose else max(aged, KEPT_S))


def calmness(window: FloatArray, baseline: FloatArray, have_s: FloatArray) -> FloatArray:
    """Return the likeness of windows to their leg's calm voice, 0-1, shape (n,).

    Args:
        window: functionals, shape (n, len(FUNCTIONALS)).
        baseline: functionals of the baseline, same shape.
        have_s: seconds of speech in the baseline, shape (n,).
    """
    trust = (have_s / (have_s + np.float32(_PRIOR_S)))[:, None]
    heard = window[:, _CUE_AT]
    anchor = np.where(_IS_LEVEL, heard, _USUAL)
    expected = anchor + trust * (baseline[:, _CUE_AT] - anchor)
    rise = np.clip((heard - expected) / _STEP, -1.0, 2.0).mean(axis=1)
    result: FloatArray = (1.0 / (1.0 + np.exp((rise - _LEARN_BELOW) / _LEARN_SOFTNESS))).astype(np.float32)
    return result
