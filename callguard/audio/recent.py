"""Keep the last two seconds of legs' audio and their speech: what the second ear hears of a window."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, Pcm, Rows
from callguard.audio.window import BLOCK_HOPS, WINDOW_BLOCKS

HOPS: Final = BLOCK_HOPS * WINDOW_BLOCKS
"""Hops kept: those of a window."""


class Recent:
    """Rings of whole hops, one row for each leg; a row that nothing was added to takes no memory."""

    def __init__(self, capacity: int) -> None:
        self._pcm: Pcm = np.zeros((capacity, HOPS, HOP_FRAMES, FRAME_SAMPLES), np.int16)
        self._speech: NDArray[np.bool_] = np.zeros((capacity, HOPS, HOP_FRAMES), np.bool_)
        self._next: NDArray[np.intp] = np.zeros(capacity, np.intp)

    def forget(self, row: int) -> None:
        """Delete a leg's audio."""
        self._pcm[row] = 0
        self._speech[row] = False

    def add(self, rows: Rows, pcm: Pcm, speech: NDArray[np.bool_]) -> None:
        """Add a hop of legs.

        Args:
            rows: each at most once, shape (n,).
            pcm: shape (n, HOP_FRAMES, FRAME_SAMPLES).
            speech: shape (n, HOP_FRAMES).
        """
        at = self._next[rows]
        self._pcm[rows, at] = pcm
        self._speech[rows, at] = speech
        self._next[rows] = (at + 1) % HOPS

    def window(self, row: int) -> tuple[Pcm, NDArray[np.bool_]]:
        """Return a leg's last two seconds in order of time, silence before its first hop, and the mask of speech.

        Returns:
            Samples, shape (HOPS * HOP_FRAMES * FRAME_SAMPLES,), and speech of each frame, shape (HOPS * HOP_FRAMES,).
        """
        order = (self._next[row] + np.arange(HOPS)) % HOPS
        return self._pcm[row, order].reshape(-1), self._speech[row, order].reshape(-1)
