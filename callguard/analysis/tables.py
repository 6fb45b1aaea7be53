"""Write a replayed recording as JSON and CSV."""

import csv
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.replay import Replay
from callguard.audio.frames import HOP_S
from callguard.audio.gates import Reason
from callguard.signals.table import CALL_SIGNALS, LEG_SIGNALS


def as_object(file: Path, result: Replay) -> dict[str, Any]:
    """Return the object that `analyze --json` prints for one file."""
    return {
        "file": str(file),
        "duration_s": round(result.duration_s, 3),
        "legs": list(result.legs),
        "alerts": [asdict(alert) for alert in result.alerts],
        "scores": result.scores(),
        "unjudged_s": _unjudged(result),
    }


def write_signals(path: Path, result: Replay) -> None:
    """Write all signals: one row for each hop and leg, each with the call's signals; an empty cell means not judged."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["t_s", "leg", *(signal.name for signal in (*LEG_SIGNALS, *CALL_SIGNALS)), "unjudged"])
        for hop, values in enumerate(result.signals):
            of_call = _cells(result.call[hop])
            for at, leg in enumerate(result.legs):
                word = _word(result.reasons[hop, at])
                writer.writerow([f"{(hop + 1) * HOP_S:.1f}", leg, *_cells(values[at]), *of_call, word])


def _cells(values: NDArray[np.float32]) -> list[str]:
    return ["" if np.isnan(value) else f"{value:.6g}" for value in values]


def _unjudged(result: Replay) -> dict[str, dict[str, float]]:
    """Return the unjudged seconds of each leg by reason."""
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
