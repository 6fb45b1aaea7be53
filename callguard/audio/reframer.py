"""Turn payload bytes into frames of the bank: decode, reduce to 8 kHz, cut and fill gaps, for all legs at once.

Payloads of 20 ms are handled many at a time. A leg with a payload of any other length is handled one payload at a time
until no samples are left over.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from callguard.audio.bank import LegBank
from callguard.audio.codec import FRAME_BYTES, RATE_FACTOR, SAMPLE_BYTES, Bytes, Decimator, Format, decode
from callguard.audio.frames import FRAME_LOST, FRAME_SAMPLES, Flags, Pcm, Rows

Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


class Payloads(NamedTuple):
    """Payloads of audio by leg and then in order of time; columns of shape (n,).

    Attributes:
        rows: leg of each payload, non-decreasing.
        form: its Format.
        at: start of the payload in the memory.
        length: bytes of the payload.
        flags: FRAME_* bits of its frames.
        gap: frames of zeros before the payload.
        gap_flags: FRAME_* bits of those zero frames.
    """

    rows: Rows
    form: NDArray[np.uint8]
    at: Ints
    length: Ints
    flags: Flags
    gap: Ints
    gap_flags: Flags

    def only(self, which: Bools) -> "Payloads":
        """Return the payloads for which the mask holds."""
        return Payloads._make(column[which] for column in self)


class Reframer:
    """Puts payloads into a bank as frames.

    Attributes:
        counts: payloads dropped because they held a fraction of a sample (`length`); frames filled in (`filled`).
    """

    def __init__(self, bank: LegBank) -> None:
        self.bank = bank
        self.counts: Counter[str] = Counter()
        self._narrow = _Framer(bank.capacity, FRAME_SAMPLES)
        self._wide = _Framer(bank.capacity, 2 * FRAME_SAMPLES)
        self._decimator = Decimator(bank.capacity)
        self._long_way: Bools = np.zeros(bank.capacity, dtype=np.bool_)

    def reset(self, row: int) -> None:
        """Discard a leg's left-over samples."""
        self._narrow.held[row] = self._wide.held[row] = 0
        self._decimator.reset(row)

    def accept(self, memory: Bytes, payloads: Payloads) -> None:
        """Push the payloads' frames.

        Args:
            memory: flat bytes in which the payloads lie.
            payloads: their positions.
        """
        rows = payloads.rows
        irregular = payloads.length != FRAME_BYTES[payloads.form]
        left_over = (self._narrow.held[rows] > 0) | (self._wide.held[rows] > 0)
        self._long_way[rows[irregular | left_over]] = True
        slow = self._long_way[rows]
        self._long_way[rows] = False
        if slow.any():
            for row in np.unique(rows[slow]):
                self._accept_one_by_one(memory, payloads.only(rows == row), int(row))
            payloads = payloads.only(~slow)
        if len(payloads.rows):
            self._push(payloads.rows, self._frames(memory, payloads), payloads)

    def _frames(self, memory: Bytes, payloads: Payloads) -> Pcm:
        frames = np.empty((len(payloads.rows), FRAME_SAMPLES), dtype=np.int16)
        for form in map(Format, np.flatnonzero(np.bincount(payloads.form)).tolist()):
            which = payloads.form == form
            raw = sliding_window_view(memory, int(FRAME_BYTES[form]))[payloads.at[which]]
            pcm = decode(raw, form)
            frames[which] = pcm if RATE_FACTOR[form] == 1 else self._decimator.halve(payloads.rows[which], pcm)
        return frames

    def _push(self, rows: Rows, frames: Pcm, payloads: Payloads) -> None:
        flags, gap = payloads.flags, payloads.gap
        filled = int(gap.sum())
        if not filled:
            self.bank.push(rows, frames, flags)
            return
        self.counts["filled"] += filled
        own = np.arange(len(rows)) + np.cumsum(gap)
        spread = np.zeros((len(rows) + filled, FRAME_SAMPLES), dtype=np.int16)
        spread[own] = frames
        spread_flags = np.repeat(payloads.gap_flags, gap + 1)
        spread_flags[own] = flags
        self.bank.push(np.repeat(rows, gap + 1), spread, spread_flags)

    def _accept_one_by_one(self, memory: Bytes, payloads: Payloads, row: int) -> None:
        for _, form, at, length, flags, gap, gap_flags in zip(*payloads, strict=True):
            if gap:
                self.counts["filled"] += int(gap)
                self.bank.push(row, np.zeros((gap, FRAME_SAMPLES), dtype=np.int16), int(gap_flags))
            if length % SAMPLE_BYTES[form]:
                self.counts["length"] += 1
                continue
            frames = self._reframed(row, decode(memory[at : at + length], Format(form)), int(RATE_FACTOR[form]))
            self.bank.push(row, frames, int(flags))

    def _reframed(self, row: int, samples: Pcm, factor: int) -> Pcm:
        if factor == 1:
            return self._narrow.push(row, samples)
        wide = self._wide.push(row, samples)
        return self._decimator.halve(np.full(len(wide), row), wide)


def no_gaps(count: int) -> tuple[Ints, Flags]:
    """Return the `gap` and `gap_flags` of payloads without gaps."""
    return np.zeros(count, dtype=np.intp), np.full(count, FRAME_LOST, dtype=np.uint8)


class _Framer:
    """Cuts each leg's samples into frames of one width; left-over samples wait for the next ones."""

    def __init__(self, capacity: int, width: int) -> None:
        self.held: Ints = np.zeros(capacity, dtype=np.intp)
        self._left: Pcm = np.zeros((capacity, width), dtype=np.int16)
        self._width = width

    def push(self, row: int, samples: Pcm) -> Pcm:
        joined = np.concatenate([self._left[row, : self.held[row]], samples])
        count = len(joined) // self._width
        rest = joined[count * self._width :]
        self._left[row, : len(rest)] = rest
        self.held[row] = len(rest)
        return joined[: count * self._width].reshape(count, self._width)
