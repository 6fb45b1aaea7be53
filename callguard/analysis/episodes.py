"""Compare alerts with true episodes: caught episodes, false alerts and delays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import HOP_S

KEEP_S: Final = 20.0
"""Seconds for which an alert keeps firing after its last cause, as in the shipped rules."""
GRACE_S: Final = 1.0
"""Seconds after an episode's end in which an alert still belongs to it, since a window holds past speech."""


class Episode(NamedTuple):
    """A true episode, from start to end in seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison of one leg's alerts with its episodes.

    Attributes:
        delays: seconds from the start of each episode to its first alert; None for a missed episode.
        false: times in seconds of alerts outside any episode.
        hours: hours of audio.
    """

    delays: tuple[float | None, ...]
    false: tuple[float, ...]
    hours: float


def alarms(values: NDArray[np.floating[Any]], threshold: float, hold_s: float, keep_s: float = KEEP_S) -> list[Episode]:
    """Return the times at which a rule `value > threshold` with `for` and `keep_firing_for` would fire.

    Args:
        values: one value for each hop, NaN where not judged, shape (hops,).
        threshold: threshold of the rule.
        hold_s: its `for`.
        keep_s: its `keep_firing_for`.
    """
    with np.errstate(invalid="ignore"):
        above = np.asarray(values > threshold)
    need, keep = max(1, round(hold_s / HOP_S) + 1), round(keep_s / HOP_S)
    edges = np.flatnonzero(np.diff(np.r_[False, above, False].astype(np.int8)))
    out: list[Episode] = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if out and start * HOP_S <= out[-1].end:
            out[-1] = Episode(out[-1].start, (stop + keep) * HOP_S)
        elif stop - start >= need:
            out.append(Episode((start + need) * HOP_S, (stop + keep) * HOP_S))
    return out


def judge(fired: Sequence[float], episodes: Sequence[Episode], seconds: float) -> Verdict:
    """Compare the times of alerts with the episodes of a leg that lasts `seconds`."""
    delays = [
        next((at - episode.start for at in sorted(fired) if episode.start <= at <= episode.end + GRACE_S), None)
        for episode in episodes
    ]
    false = [at for at in fired if not any(e.start <= at <= e.end + GRACE_S for e in episodes)]
    return Verdict(tuple(delays), tuple(false), seconds / 3600)


def total(verdicts: Sequence[Verdict]) -> dict[str, float | int | None]:
    """Return recall, precision, false alerts an hour, and median and 90th percentile of the delay over many legs."""
    delays = [delay for verdict in verdicts for delay in verdict.delays]
    caught = [delay for delay in delays if delay is not None]
    false = sum(len(verdict.false) for verdict in verdicts)
    hours = sum(verdict.hours for verdict in verdicts)
    return {
        "episodes": len(delays),
        "caught": len(caught),
        "recall": _ratio(len(caught), len(delays)),
        "precision": _ratio(len(caught), len(caught) + false),
        "false_alerts": false,
        "hours": round(hours, 3),
        "false_per_hour": round(false / hours, 2) if hours else None,
        "delay_median_s": round(float(np.median(caught)), 2) if caught else None,
        "delay_p90_s": round(float(np.percentile(caught, 90)), 2) if caught else None,
    }


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
