"""Hold the frames of all legs until they are taken in hops: one row for each leg, preallocated columns.

A row's ring holds whole hops and is read hop by hop, so a ready hop is always one contiguous piece of memory.
"""

import heapq
from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import FRAME_SAMPLES, HOP_FRAMES, Flags, Hop, Pcm, Rows

RING_HOPS: Final = 10
"""Default capacity for one leg: 1 s, so a tick may be ten ticks late before the oldest audio is dropped."""


class BankFullError(Exception):
    """Every row of the bank is in use."""


class LegBank:
    """Rings of frames, one row for each leg.

    Args:
        capacity: most simultaneous legs.
        ring_hops: hops that each leg's ring holds.

    Attributes:
        dropped: frames dropped since construction because `take` came too late.
    """

    def __init__(self, capacity: int, ring_hops: int = RING_HOPS) -> None:
        self.capacity: Final = capacity
        self.dropped = 0
        self._hops = ring_hops
        self._frames = ring_hops * HOP_FRAMES
        self._pcm: Pcm = np.zeros((capacity, self._frames, FRAME_SAMPLES), dtype=np.int16)
        self._flags: Flags = np.zeros((capacity, self._frames), dtype=np.uint8)
        # Frames read and written since a row was opened. Both are 0 on a closed row, so it is never ready.
        self._read: NDArray[np.int64] = np.zeros(capacity, dtype=np.int64)
        self._written: NDArray[np.int64] = np.zeros(capacity, dtype=np.int64)
        self._open: NDArray[np.bool_] = np.zeros(capacity, dtype=np.bool_)
        self._free = list(range(capacity))
        self._taken: Pcm = np.empty((capacity, HOP_FRAMES, FRAME_SAMPLES), dtype=np.int16)
        self._taken_flags: Flags = np.empty((capacity, HOP_FRAMES), dtype=np.uint8)

    def __len__(self) -> int:
        return self.capacity - len(self._free)

    def open(self) -> int:
        """Open the lowest free row, so that live rows stay together; raise BankFullError where no row is free."""
        if not self._free:
            raise BankFullError(f"all {self.capacity} legs are in use")
        row = heapq.heappop(self._free)
        self._read[row] = self._written[row] = 0
        self._open[row] = True
        return row

    def close(self, row: int) -> None:
        """Free a row and discard its frames; raise KeyError for a row that is not open."""
        if not self._open[row]:
            raise KeyError(f"row {row} is not open")
        self._open[row] = False
        self._read[row] = self._written[row] = 0
        heapq.heappush(self._free, row)

    def push(self, rows: Rows | int, pcm: Pcm, flags: Flags | int = 0) -> None:
        """Append frames; a full row drops its oldest hops and counts them.

        Args:
            rows: one row for all frames, or the row of each frame, non-decreasing, shape (n,); all must be open.
            pcm: samples, shape (n, FRAME_SAMPLES); frames of one row in order of time.
            flags: FRAME_* bits of each frame, shape (n,), or one value for all.
        """
        count = len(pcm)
        if count == 0:
            return
        each = np.broadcast_to(np.asarray(rows, dtype=np.intp), count)
        starts = np.flatnonzero(np.r_[True, each[1:] != each[:-1]])
        owners, lengths = each[starts], np.diff(np.r_[starts, count])
        slots = (self._written[each] + np.arange(count) - np.repeat(starts, lengths)) % self._frames
        # Assignment by a repeated index keeps the last value, so a burst longer than the ring keeps its newest frames.
        self._pcm[each, slots] = pcm
        self._flags[each, slots] = flags
        self._written[owners] += lengths
        self._drop_oldest(owners)

    def take(self) -> Hop:
        """Return one hop of each row that has one; its arrays are views, valid until the next take.

        A late leg has several hops ready: the caller takes again until the hop is empty, up to a bound of its own.
        """
        rows = np.flatnonzero(self._written - self._read >= HOP_FRAMES)
        at = rows * self._hops + (self._read[rows] // HOP_FRAMES) % self._hops
        count = len(rows)
        pcm, flags = self._taken[:count], self._taken_flags[:count]
        np.take(self._pcm.reshape(-1, HOP_FRAMES, FRAME_SAMPLES), at, axis=0, out=pcm, mode="clip")
        np.take(self._flags.reshape(-1, HOP_FRAMES), at, axis=0, out=flags, mode="clip")
        self._read[rows] += HOP_FRAMES
        return Hop(rows, pcm, flags)

    def _drop_oldest(self, owners: Rows) -> None:
        excess = self._written[owners] - self._read[owners] - self._frames
        hops = np.maximum(-(-excess // HOP_FRAMES), 0)
        self._read[owners] += hops * HOP_FRAMES
        self.dropped += int(hops.sum()) * HOP_FRAMES
