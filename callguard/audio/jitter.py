"""Restore the order of RTP packets and report missing ones, for all legs at once.

It handles numbers only: packets stay in their slots. A packet after a gap waits until the gap is filled or HOLD later
packets have arrived; packets missing by then are lost. A restarted stream (another SSRC, or a distant sequence number)
replaces the old one.
"""

from collections import Counter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import Rows

HOLD: Final = 3
"""Packets that must arrive after a missing one before it counts as lost (60 ms)."""
MISORDER: Final = 100
"""A packet up to this far behind is late; one further behind shows a restarted sender (RFC 3550 A.1)."""
DROPOUT: Final = 3000
"""A packet up to this far ahead leaves a gap; one further ahead shows a restarted sender (RFC 3550 A.1)."""
MAX_GAP_FRAMES: Final = 50
"""The longest gap that is filled with zeros (1 s); a longer gap is skipped."""

Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


class Arrived(NamedTuple):
    """Packets in order of arrival, each column of shape (n,).

    Attributes:
        rows: leg of each packet.
        ticks: clock ticks of audio in the packet; 0 for telephone events and comfort noise.
        frame_ticks: clock ticks of 20 ms.
    """

    rows: Rows
    ssrc: NDArray[np.uint32]
    sequence: NDArray[np.uint16]
    timestamp: NDArray[np.uint32]
    ticks: Ints
    frame_ticks: Ints


class Release(NamedTuple):
    """Packets that may be played now, and packets that must wait.

    Attributes:
        packets: indexes of audio packets, by row and then in order of time.
        gap: missing frames before each audio packet.
        lost: whether those frames were sent and lost; otherwise the sender was silent.
        kept: indexes of packets to pass in again, ahead of the next arrivals.
    """

    packets: Ints
    gap: Ints
    lost: Bools
    kept: Ints


class Jitter:
    """Order and time of each leg's stream: one row for each leg.

    Args:
        capacity: most legs.

    Attributes:
        counts: packets `late`, `duplicate`, `lost`, `stray` (of a replaced stream); `restarts` and `jumps` (of
            the timestamp) of streams.
    """

    def __init__(self, capacity: int) -> None:
        self.counts: Counter[str] = Counter()
        self._known: Bools = np.zeros(capacity, dtype=np.bool_)
        self._timed: Bools = np.zeros(capacity, dtype=np.bool_)
        self._ssrc: NDArray[np.uint32] = np.zeros(capacity, dtype=np.uint32)
        self._sequence: NDArray[np.uint16] = np.zeros(capacity, dtype=np.uint16)
        self._timestamp: NDArray[np.uint32] = np.zeros(capacity, dtype=np.uint32)
        self._hold: Ints = np.full(capacity, HOLD, dtype=np.intp)

    def reset(self, row: int) -> None:
        """Forget a leg's stream; the next packet starts a new one."""
        self._known[row] = self._timed[row] = False

    def order(self, arrived: Arrived) -> Release:
        """Sort arrivals into packets that may be played and packets that must wait."""
        ahead = self._ahead(arrived.rows, arrived.sequence)
        current = self._known[arrived.rows] & (self._ssrc[arrived.rows] == arrived.ssrc)
        current &= (ahead >= -MISORDER) & (ahead < DROPOUT)
        everything = np.arange(len(ahead))
        if current.all():
            return self._release(arrived, everything, ahead)
        return self._replace(arrived, everything[current], everything[~current], ahead)

    def _ahead(self, rows: Rows, sequence: NDArray[np.uint16]) -> Ints:
        """Return each packet's distance ahead of the next expected one, across the 16-bit wrap."""
        distance: NDArray[np.uint16] = sequence - self._sequence[rows]
        return distance.view(np.int16).astype(np.intp)

    def _replace(self, arrived: Arrived, old: Ints, new: Ints, ahead: Ints) -> Release:
        """Release the rest of the old streams, then the newest stream of each leg that has one."""
        changed = arrived.rows[new]
        self._hold[changed] = 0
        first = self._release(arrived, old, ahead[old])
        self._hold[changed] = HOLD
        new = self._start(arrived, new)
        ahead = self._ahead(arrived.rows[new], arrived.sequence[new])
        return _joined(arrived.rows, first, self._release(arrived, new, ahead))

    def _start(self, arrived: Arrived, new: Ints) -> Ints:
        """Adopt the stream of each leg's newest unknown packet; return the packets of that stream."""
        rows = arrived.rows[new]
        self.counts["restarts"] += int(self._known[np.unique(rows)].sum())
        # Assignment by a repeated index keeps the last value.
        self._ssrc[rows], self._sequence[rows] = arrived.ssrc[new], arrived.sequence[new]
        self._known[rows], self._timed[rows] = True, False
        ahead = self._ahead(rows, arrived.sequence[new])
        mine: Bools = (self._ssrc[rows] == arrived.ssrc[new]) & (np.abs(ahead) < MISORDER)
        self.counts["stray"] += int((~mine).sum())
        lowest = np.zeros(len(self._known), dtype=np.intp)
        np.minimum.at(lowest, rows[mine], ahead[mine])
        unique = np.unique(rows)
        self._sequence[unique] += lowest[unique].astype(np.uint16)
        return new[mine]

    def _release(self, arrived: Arrived, index: Ints, ahead: Ints) -> Release:
        index, ahead = self._sorted_once(arrived, index, ahead)
        rows = arrived.rows[index]
        start = _starts(rows)
        before = np.roll(ahead, 1)
        before[start] = -1
        missing = ahead - before - 1
        ready = self._ready(rows, start, ahead, missing)
        kept = index[~ready]
        index, rows, missing = index[ready], rows[ready], missing[ready]
        self.counts["lost"] += int(missing.sum())
        last = _ends(rows)
        self._sequence[rows[last]] += (ahead[ready][last] + 1).astype(np.uint16)
        return self._timeline(arrived, index, missing, kept)

    def _sorted_once(self, arrived: Arrived, index: Ints, ahead: Ints) -> tuple[Ints, Ints]:
        """Sort packets by leg and sequence, without late and duplicate ones."""
        late = ahead < 0
        self.counts["late"] += int(late.sum())
        index, ahead = index[~late], ahead[~late]
        by_time = np.lexsort((ahead, arrived.rows[index]))
        index, ahead = index[by_time], ahead[by_time]
        once = _starts(arrived.rows[index]) | _starts(ahead)
        self.counts["duplicate"] += int((~once).sum())
        return index[once], ahead[once]

    def _ready(self, rows: Rows, start: Bools, ahead: Ints, missing: Ints) -> Bools:
        """Return a mask of packets with no gap before them, or only gaps whose wait is over."""
        latest_gap = np.maximum.accumulate(np.where(start | (missing > 0), np.arange(len(rows)), 0))
        newest = np.repeat(ahead[_ends(rows)], np.diff(np.r_[np.flatnonzero(start), len(rows)]))
        waited: Bools = newest - ahead[latest_gap] + 1 >= self._hold[rows]
        whole: Bools = missing[latest_gap] == 0
        return waited | whole

    def _timeline(self, arrived: Arrived, index: Ints, missing: Ints, kept: Ints) -> Release:
        """Return the release with the number of missing frames before each audio packet."""
        gone = np.cumsum(missing)
        before = gone - missing
        audio = arrived.ticks[index] > 0
        groups = np.flatnonzero(_starts(arrived.rows[index]))
        base = np.repeat(before[groups], np.diff(np.r_[groups, len(index)]))[audio]
        index, gone = index[audio], gone[audio]
        rows, timestamp = arrived.rows[index], arrived.timestamp[index]
        start = _starts(rows)
        end = timestamp + arrived.ticks[index].astype(np.uint32)
        expected = np.roll(end, 1)
        expected[start] = np.where(self._timed[rows[start]], self._timestamp[rows[start]], timestamp[start])
        since = np.roll(gone, 1)
        since[start] = base[start]
        last = _ends(rows)
        self._timestamp[rows[last]], self._timed[rows[last]] = end[last], True
        silence: NDArray[np.uint32] = timestamp - expected
        gap = silence.view(np.int32).astype(np.intp) // arrived.frame_ticks[index]
        jump = (gap < 0) | (gap > MAX_GAP_FRAMES)
        self.counts["jumps"] += int(jump.sum())
        return Release(index, np.where(jump, 0, gap), gone > since, kept)


def _starts(values: Ints) -> Bools:
    """Return where a run of equal values starts."""
    starts = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=starts[1:])
    return starts


def _ends(values: Ints) -> Bools:
    """Return where a run of equal values ends."""
    ends = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=ends[:-1])
    return ends


def _joined(rows: Rows, first: Release, second: Release) -> Release:
    """Return two releases as one, a leg's first packets before its second."""
    joined = Release(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))
    by_row = np.argsort(rows[joined.packets], kind="stable")
    return Release(joined.packets[by_row], joined.gap[by_row], joined.lost[by_row], joined.kept)
