"""Gates: reasons why a leg can't be judged, and the detectors that need no model.

The samples or a window's entropy show tones, DTMF, fax and clipping. The gate model recognises music, noise and
laughter. No rule fires on a leg that a gate has caught.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.features import FloatArray
from callguard.audio.frames import FRAME_DTMF, FRAME_LOST, Flags, Pcm
from callguard.audio.window import FUNCTIONALS


class Reason(IntEnum):
    """Why a leg is not judged now; JUDGED means no reason. A later reason takes precedence over an earlier one."""

    JUDGED = 0
    WARMING = 1
    """There is too little speech so far."""
    SILENCE = 2
    LAUGHTER = 3
    """Laughing, crying or coughing: a voice without words."""
    NOISE = 4
    MUSIC = 5
    CLIPPING = 6
    TONE = 7
    FAX = 8
    DTMF = 9
    LOST = 10
    """Too many packets are missing."""
    OFF = 11
    """Analysis is off for the call."""
    APART = 12
    """The parties are in different bridges."""
    HOLD = 13
    STALLED = 14
    """No audio has come for a second; OFF, APART and HOLD explain that and take precedence."""


def among(*reasons: Reason) -> NDArray[np.bool_]:
    """Return a table that tells of each reason whether it is one of these: index it by an array of reasons."""
    return np.isin(np.arange(len(Reason)), reasons)


UNHEARD: Final = among(Reason.LOST, Reason.STALLED, Reason.OFF, Reason.APART, Reason.HOLD)
"""Reasons with which it is not known whether a party speaks to the other."""
CLIPPED_SHARE: Final = 0.25
"""Share of a second's samples in flat tops from which vowels are distorted beyond use."""
LOST_SHARE: Final = 0.4
"""Share of a second's frames that never arrived, above which a leg is not judged."""
TONE_ENTROPY: Final = 0.42
TONE_SPREAD: Final = 0.10
_ENTROPY: Final = FUNCTIONALS.index("entropy_mean")
_ENTROPY_SPREAD: Final = FUNCTIONALS.index("entropy_spread")
_FLUX: Final = FUNCTIONALS.index("flux_all_mean")


def is_tone(window: FloatArray) -> NDArray[np.bool_]:
    """Return whether windows hold tones, nearly all power in a few constant bins, shape (n,).

    Args:
        window: functionals, shape (n, len(FUNCTIONALS)).
    """
    narrow = window[:, _ENTROPY] < TONE_ENTROPY
    steady = (window[:, _ENTROPY_SPREAD] < TONE_SPREAD) & (window[:, _FLUX] < 3.0)
    result: NDArray[np.bool_] = narrow & steady
    return result


def clipped_share(pcm: Pcm) -> FloatArray:
    """Return the share of samples that lie in flat tops, shape (n,).

    A flat top is a sample within 1 % of the hop's peak next to another such sample. Companded speech has few; a square
    wave consists of them.

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
    """Return whether the far end signalled a digit during the hop, shape (n,)."""
    result: NDArray[np.bool_] = ((flags & FRAME_DTMF) != 0).any(axis=1)
    return result
