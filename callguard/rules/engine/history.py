"""Keep the recent past of signals in preallocated columns, for window functions and evidence.

Memory for one series: 12 bytes x window hops x calls, and 8 bytes more where a rule reads its extremes.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import HOP_S
from callguard.rules.language.ast import Ref

Column = NDArray[np.float32]
"""One number for each call, NaN where not known; shape (calls,)."""

KNOWN_SHARE: Final = 0.2
"""Least judged share of a window with a known mean: a party listens for more than half of the time."""
CURVE_STEP_S: Final = 0.5
CURVE_POINTS: Final = 60
"""Points of an evidence curve before the present one (30 s)."""


class Series(NamedTuple):
    """The values in a ring: a signal, or whether the signal lay above an amount (1 or 0)."""

    ref: Ref
    above: float | None = None


class Need(NamedTuple):
    """How far back a rule reads a series; `extremes` where it reads the highest or lowest value."""

    series: Series
    seconds: float
    extremes: bool = False


class Ring:
    """One series. Running totals turn the mean of any window into a difference of two rows, whatever its length.

    Attributes:
        totals: sums of all known values so far; push number n is in row n % (hops + 1); shape (hops + 1, calls).
        counts: numbers of the values in the sums, same shape.
        values: each value stored twice, `hops` rows apart, so that any window is one slice; shape (2 * hops, calls).
    """

    def __init__(self, hops: int, calls: int, extremes: bool) -> None:
        self.hops = hops
        self.totals: NDArray[np.float64] = np.zeros((hops + 1, calls))
        self.counts: NDArray[np.int32] = np.zeros((hops + 1, calls), dtype=np.int32)
        self.values: Column = np.full((2 * hops if extremes else 0, calls), np.nan, dtype=np.float32)
        self._pushed = 0

    def push(self, column: Column) -> None:
        """Append one hop."""
        known = np.isfinite(column)
        before = self._row(0)
        self._pushed += 1
        newest = self._row(0)
        np.add(self.totals[before], np.where(known, column, np.float32(0)), out=self.totals[newest])
        np.add(self.counts[before], known, out=self.counts[newest])
        if len(self.values):
            slot = self._pushed % self.hops
            self.values[slot] = self.values[slot + self.hops] = np.where(known, column, np.float32(np.nan))

    def clear(self, call: int) -> None:
        """Forget one call."""
        self.totals[:, call] = 0
        self.counts[:, call] = 0
        self.values[:, call] = np.nan

    def mean(self, hops: int, ago: int = 0) -> Column:
        """Return the mean of the window of `hops` that ended `ago` hops before now."""
        newest, oldest = self._row(ago), self._row(ago + hops)
        count = self._known(hops, ago)
        mean = (self.totals[newest] - self.totals[oldest]) / np.maximum(count, 1)
        return np.where(count >= _enough(hops), mean, np.nan).astype(np.float32)

    def share(self, hops: int) -> Column:
        """Return the sum over the last `hops` divided by their number: an unjudged value counts as 0."""
        total = self.totals[self._row(0)] - self.totals[self._row(hops)]
        return np.where(self._known(hops) >= _enough(hops), total / hops, np.nan).astype(np.float32)

    def extreme(self, hops: int, function: np.ufunc) -> Column:
        """Return np.fmax or np.fmin over the last `hops`; one known value is enough."""
        end = self._pushed % self.hops + self.hops + 1
        found: Column = function.reduce(self.values[end - hops : end], axis=0)
        return found

    def adopt(self, old: "Ring") -> None:
        """Copy the values of another ring of the same series."""
        kept = min(self.hops, old.hops)
        rows = [old._row(ago) for ago in range(kept, -1, -1)]
        self.totals[:] = old.totals[rows[0]]
        self.counts[:] = old.counts[rows[0]]
        self.totals[: kept + 1], self.counts[: kept + 1] = old.totals[rows], old.counts[rows]
        self._pushed = kept
        if len(self.values) and len(old.values):
            newest = old._pushed % old.hops + old.hops
            for ago in range(kept):
                slot = (kept - ago) % self.hops
                self.values[slot] = self.values[slot + self.hops] = old.values[newest - ago]

    def _row(self, ago: int) -> int:
        return (self._pushed - ago) % (self.hops + 1)

    def _known(self, hops: int, ago: int = 0) -> NDArray[np.int32]:
        known: NDArray[np.int32] = self.counts[self._row(ago)] - self.counts[self._row(ago + hops)]
        return known


class Curves:
    """Half-second points of every signal in evidence; shape (CURVE_POINTS, signals, calls)."""

    def __init__(self, refs: Iterable[Ref], calls: int, hop_s: float) -> None:
        self.refs = tuple(refs)
        self.points: Column = np.full((CURVE_POINTS, len(self.refs), calls), np.nan, dtype=np.float32)
        self._every = max(1, round(CURVE_STEP_S / hop_s))
        self._hops = 0

    def push(self, columns: Mapping[Ref, Column]) -> None:
        """Append a point every half second."""
        if self._hops % self._every == 0:
            point = self.points[self._hops // self._every % CURVE_POINTS]
            for index, ref in enumerate(self.refs):
                point[index] = columns[ref]
        self._hops += 1

    def clear(self, call: int) -> None:
        """Forget one call."""
        self.points[:, :, call] = np.nan

    def of(self, ref: Ref, call: int) -> Column:
        """Return a call's points from the oldest to the newest, shape (CURVE_POINTS,)."""
        oldest = ((self._hops - 1) // self._every + 1) % CURVE_POINTS
        ring = self.points[:, self.refs.index(ref), call]
        return np.concatenate((ring[oldest:], ring[:oldest]))

    def adopt(self, old: "Curves") -> None:
        """Copy the points that other curves hold for the same signals."""
        self._hops = old._hops
        for index, ref in enumerate(self.refs):
            if ref in old.refs:
                self.points[:, index] = old.points[:, old.refs.index(ref)]


class History:
    """The rings and curves that a set of rules needs."""

    def __init__(self, needs: Iterable[Need], refs: Iterable[Ref], calls: int, hop_s: float = HOP_S) -> None:
        self.hop_s = hop_s
        self.curves = Curves(refs, calls, hop_s)
        self.rings = {series: Ring(hops, calls, extremes) for series, (hops, extremes) in _widest(needs, hop_s).items()}

    def hops(self, seconds: float) -> int:
        """Return a window's length in hops, at least one."""
        return max(1, math.ceil(seconds / self.hop_s - 1e-6))

    def push(self, columns: Mapping[Ref, Column]) -> None:
        """Append the present values, one column for each signal."""
        for series, ring in self.rings.items():
            ring.push(_column(series, columns[series.ref]))
        self.curves.push(columns)

    def clear(self, call: int) -> None:
        """Forget one call."""
        for ring in self.rings.values():
            ring.clear(call)
        self.curves.clear(call)

    def adopt(self, old: "History") -> None:
        """Copy the values that another history holds for the same series."""
        for series, ring in self.rings.items():
            if series in old.rings:
                ring.adopt(old.rings[series])
        self.curves.adopt(old.curves)


def _column(series: Series, values: Column) -> Column:
    if series.above is None:
        return values
    above = (values > np.float32(series.above)).astype(np.float32)
    return np.where(np.isnan(values), np.float32(np.nan), above)


def _enough(hops: int) -> int:
    return max(1, math.ceil(hops * KNOWN_SHARE - 1e-6))


def _widest(needs: Iterable[Need], hop_s: float) -> dict[Series, tuple[int, bool]]:
    widest: dict[Series, tuple[int, bool]] = {}
    for need in needs:
        hops, extremes = widest.get(need.series, (2, False))
        wanted = math.ceil(need.seconds / hop_s - 1e-6)
        widest[need.series] = (max(hops, wanted), extremes or need.extremes)
    return widest
