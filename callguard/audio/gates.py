"""What can't be judged, and why: the reasons, and the detectors that need no model.

Tones, DTMF, fax and clipping show in the samples or in a window's entropy; music, noise and laughter are left to the
gate model. Whatever a gate catches fires nothing.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.audio.frames import FRAME_DTMF, FRAME_LOST, Flags, Pcm
from callguard.audio.window import FUNCTIONALS


class Reason(IntEnum):
    """Why a leg is not judged now; JUDGED is none. The order is that of precedence, highest last."""

    JUDGED = 0
    WARMING = 1
    """Heard for too short a time."""
    SILENCE = 2
    LAUGHTER = 3
    """Laughing, crying, coughing: a voice, no words."""
    NOISE = 4
    MUSIC = 5
    CLIPPING = 6
    TONE = 7
    FAX = 8
    DTMF = 9
    LOST = 10
    """Too many packets missing."""
    OFF = 11
    """Analysis is off for the call."""
    APART = 12
    """The parties are in different bridges."""
    HOLD = 13
    STALLED = 14
    """Nothing has come for a second; yields to OFF, APART and HOLD, which explain it."""


UNHEARD: Final = (Reason.LOST, Reason.STALLED, Reason.OFF, Reason.APART, Reason.HOLD)
"""With these nothing is known of what a party says to the other, not even whether they speak."""
CLIPPED_SHARE: Final = 0.25
"""Of a second's samples in flat tops from which vowels are no longer vowels."""
LOST_SHARE: Final = 0.4
"""Of a second's frames that never came."""
TONE_ENTROPY: Final = 0.42
TONE_SPREAD: Final = 0.10
_ENTROPY: Final = FUNCTIONALS.index("entropy_mean")
_ENTROPY_SPREAD: Final = FUNCTIONALS.index("entropy_spread")
_FLUX: Final = FUNCTIONALS.index("flux_all_mean")


def is_tone(window: FloatArray) -> NDArray[np.bool_]:
    """Whether windows hold tones: nearly all power in a few bins that stay where they are, shape (n,).

    Args:
        window: functionals, shape (n, len(FUNCTIONALS)).
    """
    narrow = window[:, _ENTROPY] < TONE_ENTROPY
    steady = (window[:, _ENTROPY_SPREAD] < TONE_SPREAD) & (window[:, _FLUX] < 3.0)
    result: NDArray[np.bool_] = narrow & steady
    return result


def clipped_share(pcm: Pcm) -> FloatArray:
    """Return the share of samples that lie in flat tops, shape (n,).

    A flat top is a sample within 1 % of the hop's peak whose neighbour is there too. Companded speech has few; a square
    wave has nothing else.

    Args:
        pcm: hops, shape (n, HOP_FRAMES, FRAME_SAMPLES).
    """
    flat = pcm.reshape(len(pcm), -1)
    high, low = flat.max(axis=1).astype(np.float32), flat.min(axis=1).astype(np.float32)
    loud = np.maximum(high, -low)
    ceiling = (0.97 * np.maximum(loud, 1000.0)).astype(np.int16)[:, None]
    top = (flat >= ceiling) | (flat <= -ceiling)
    both = top[:, 1:] & top[:, :-1]
    result: FloatArray = both.mean(axis=1, dtype=np.float32)
    return result


def lost_share(flags: Flags) -> FloatArray:
    """Return the share of frames that never arrived, shape (n,)."""
    result: FloatArray = ((flags & FRAME_LOST) != 0).mean(axis=1, dtype=np.float32)
    return result


def signalled_dtmf(flags: Flags) -> NDArray[np.bool_]:
    """Whether the far end signalled a digit during the hop, shape (n,)."""
    result: NDArray[np.bool_] = ((flags & FRAME_DTMF) != 0).any(axis=1)
    return result
