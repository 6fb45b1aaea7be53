"""The clock of the media plane: samples form frames, frames form hops.

All stages after the ingest run at telephone bandwidth; the ingest reduces a wider tap to it.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE: Final = 8000
"""Samples a second."""
FRAME_SAMPLES: Final = 160
"""Samples in a frame (20 ms): the packet time of every tap and a frame length of webrtcvad."""
FRAME_S: Final = FRAME_SAMPLES / SAMPLE_RATE
HOP_FRAMES: Final = 5
"""Frames in a hop, which is the audio that one tick takes from each leg."""
HOP_S: Final = HOP_FRAMES * FRAME_S
"""Seconds between two updates of a signal (0.1 s)."""

FRAME_LOST: Final = 1
"""Flag of a frame that never arrived and was filled with zeros."""
FRAME_DTMF: Final = 2
"""Flag of a frame during which the far end signalled a telephone event (RFC 4733)."""

Pcm = NDArray[np.int16]
Rows = NDArray[np.intp]
Flags = NDArray[np.uint8]


class Hop(NamedTuple):
    """One hop of every leg that has one ready.

    Attributes:
        rows: leg rows, strictly increasing, shape (n,).
        pcm: samples, shape (n, HOP_FRAMES, FRAME_SAMPLES).
        flags: FRAME_LOST | FRAME_DTMF bits, shape (n, HOP_FRAMES).
    """

    rows: Rows
    pcm: Pcm
    flags: Flags
