"""Compare scores with labels: curves and figures derived from them, in numpy alone. Ties are handled exactly."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BINS: Final = 10


class Curve(NamedTuple):
    """Rates at every threshold, from the strictest on.

    Attributes:
        threshold: least score that counts as positive, shape (n,); the first is infinite.
        recall: share of the positives that are found, shape (n,).
        fallout: share of the negatives that count as positive, shape (n,).
        precision: share of positives among all found, shape (n,); 1 where none is found.
    """

    threshold: Floats
    recall: Floats
    fallout: Floats
    precision: Floats


class Reliability(NamedTuple):
    """Mean score, share of positives and count in each tenth of the score, shape (BINS,); NaN in an empty tenth."""

    score: Floats
    share: Floats
    counts: NDArray[np.int64]


def curve(labels: Bools, scores: Floats) -> Curve:
    """Return the rates at every threshold; raise ValueError unless both classes occur."""
    labels, scores = np.asarray(labels, dtype=np.bool_), np.asarray(scores, dtype=np.float64)
    if not labels.any() or labels.all():
        raise ValueError("both classes are needed")
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], labels[order]
    last = np.r_[np.flatnonzero(np.diff(ranked)), len(ranked) - 1]
    true = np.r_[0, np.cumsum(hits)[last]]
    false = np.r_[0, np.cumsum(~hits)[last]]
    found = true + false
    precision = np.where(found > 0, true / np.maximum(found, 1), 1.0)
    return Curve(np.r_[np.inf, ranked[last]], true / true[-1], false / false[-1], precision)


def auc(labels: Bools, scores: Floats) -> float:
    """Return the area under the ROC curve: the chance that a positive scores above a negative."""
    found = curve(labels, scores)
    return float(np.trapezoid(found.recall, found.fallout))


def average_precision(labels: Bools, scores: Floats) -> float:
    """Return the mean of the precision over recall."""
    found = curve(labels, scores)
    return float(np.sum(np.diff(found.recall) * found.precision[1:]))


def equal_error_rate(labels: Bools, scores: Floats) -> float:
    """Return the rate at which the share of missed positives equals the share of negatives that count as positive."""
    found = curve(labels, scores)
    missed = 1.0 - found.recall
    at = int(np.argmax(found.fallout >= missed))
    gap_before, gap = missed[at - 1] - found.fallout[at - 1], found.fallout[at] - missed[at]
    weight = gap_before / max(gap_before + gap, 1e-12)
    return float(found.fallout[at - 1] + weight * (found.fallout[at] - found.fallout[at - 1]))


def recall_at(labels: Bools, scores: Floats, fallout: float) -> float:
    """Return the recall at which at most the share `fallout` of the negatives counts as positive."""
    found = curve(labels, scores)
    return float(found.recall[found.fallout <= fallout].max())


def reliability(labels: Bools, scores: Floats) -> Reliability:
    """Return the share of positives in each tenth of the scores, which lie in 0-1."""
    scores = np.asarray(scores, dtype=np.float64)
    place = np.clip((scores * BINS).astype(np.intp), 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    some = np.where(count > 0, count, np.nan)
    mean = np.bincount(place, scores, minlength=BINS) / some
    share = np.bincount(place, np.asarray(labels, dtype=np.float64), minlength=BINS) / some
    return Reliability(mean, share, count)


def calibration_error(labels: Bools, scores: Floats) -> float:
    """Return the mean distance between score and share of positives over the bins, weighted by their counts."""
    bins = reliability(labels, scores)
    return float(np.nansum(bins.counts * np.abs(bins.score - bins.share)) / max(int(bins.counts.sum()), 1))


def summary(labels: Bools, scores: Floats) -> dict[str, float]:
    """Return AUC, AP, EER, recall at 1 % and 5 %, calibration error."""
    return {
        "auc": round(auc(labels, scores), 4),
        "ap": round(average_precision(labels, scores), 4),
        "eer": round(equal_error_rate(labels, scores), 4),
        "recall_at_1": round(recall_at(labels, scores, 0.01), 4),
        "recall_at_5": round(recall_at(labels, scores, 0.05), 4),
        "calibration_error": round(calibration_error(labels, scores), 4),
    }
