"""A replayed recording as JSON and CSV."""

import csv
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from callguard.analysis.replay import Replay
from callguard.audio.frames import HOP_S
from callguard.audio.gates import Reason
from callguard.signals import LEG_SIGNALS


def as_object(file: Path, result: Replay) -> dict[str, Any]:
    """Return what `analyze --json` prints of one file."""
    return {
        "file": str(file),
        "duration_s": round(result.duration_s, 3),
        "legs": list(result.legs),
        "alerts": [asdict(alert) for alert in result.alerts],
        "scores": result.scores(),
        "unjudged_s": _unjudged(result),
    }


def write_signals(path: Path, result: Replay) -> None:
    """Write every leg signal, one row a hop and leg; an empty cell is a value that is not judged."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["t_s", "leg", *(signal.name for signal in LEG_SIGNALS), "unjudged"])
        for hop, values in enumerate(result.signals):
            for at, leg in enumerate(result.legs):
                cells = ["" if np.isnan(value) else f"{value:.6g}" for value in values[at]]
                writer.writerow([f"{(hop + 1) * HOP_S:.1f}", leg, *cells, _word(result.reasons[hop, at])])


def _unjudged(result: Replay) -> dict[str, dict[str, float]]:
    """Return per leg the seconds that were not judged, by reason."""
    return {
        leg: {
            Reason(code).name.lower(): round(float(np.sum(result.reasons[:, at] == code)) * HOP_S, 1)
            for code in np.unique(result.reasons[:, at])
            if code != Reason.JUDGED
        }
        for at, leg in enumerate(result.legs)
    }


def _word(code: int) -> str:
    return "" if code == Reason.JUDGED else Reason(code).name.lower()
