"""Draw one call: both parties' levels and baselines, raised voice, anger, speech, thresholds, alerts and truth."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.episodes import Episode
from callguard.analysis.replay import Replay
from callguard.audio.frames import HOP_S
from callguard.audio.gates import Reason
from callguard.runtime.figures import new_figure

COLOURS: Final = {"customer": "#b3403a", "agent": "#2f6690", "anger": "#7b3fa0"}
_SIZE: Final = (12.0, 7.5)
_GREY: Final = "#888888"


def draw_call(result: Replay, title: str, thresholds: Mapping[str, float], truth: Sequence[Episode] = ()) -> Any:
    """Return a matplotlib figure of one replayed recording.

    Args:
        result: replay of the recording.
        title: title above the picture.
        thresholds: names and values of lines drawn over the scores.
        truth: angry episodes of the customer, shaded.
    """
    figure = new_figure(*_SIZE)
    level, score, speech = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1.4))
    time: NDArray[np.float64] = (np.arange(len(result.signals), dtype=np.float64) + 1) * HOP_S
    _levels(level, time, result)
    _scores(score, time, result, thresholds)
    _speech(speech, time, result)
    for axis in (level, score):
        for episode in truth:
            axis.axvspan(episode.start, episode.end, color="#f2c14e", alpha=0.25, lw=0)
    level.set_title(title, loc="left")
    speech.set_xlabel("seconds")
    return figure


def save_plot(
    path: Path, title: str, result: Replay, thresholds: Mapping[str, float], truth: Sequence[Episode] = ()
) -> None:
    """Write the picture in the format of the suffix (.png, .svg, .pdf); raise ValueError for an unsupported suffix."""
    draw_call(result, title, thresholds, truth).savefig(path, dpi=110)


def _levels(axis: Any, time: NDArray[np.float64], result: Replay) -> None:
    for at, leg in enumerate(result.legs):
        values, rise = result.column(at, "level_dbfs"), result.column(at, "level_rise_db")
        axis.plot(time, values, color=COLOURS[leg], lw=1, label=f"{leg}, level")
        axis.plot(time, _held(values - rise), color=COLOURS[leg], lw=1, ls=":", label=f"{leg}, own calm level")
    axis.set_ylabel("dBFS")
    axis.legend(loc="lower right", ncols=2, fontsize=8)


def _held(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill gaps with the last known value: a baseline also exists while nobody speaks."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)], np.nan).astype(np.float32)


def _scores(axis: Any, time: NDArray[np.float64], result: Replay, thresholds: Mapping[str, float]) -> None:
    at = result.legs.index("customer")
    axis.plot(time, result.column(at, "raised_voice"), color=COLOURS["customer"], lw=1.6, label="raised voice")
    if np.isfinite(result.column(at, "anger")).any():
        axis.plot(time, result.column(at, "anger"), color=COLOURS["anger"], lw=1.2, ls="--", label="anger")
    for name, value in thresholds.items():
        axis.axhline(value, color=_GREY, lw=0.8, ls=":")
        axis.text(0, value, f" {name} {value:g}", color=_GREY, fontsize=8, va="bottom")
    for row, alert in enumerate(result.alerts):
        end = alert.resolved_at_s or result.duration_s
        height = 1.04 + 0.06 * (row % 4)
        axis.plot([alert.fired_at_s, end], [height, height], color="black", lw=3, solid_capstyle="butt")
        axis.text(alert.fired_at_s, height, f" {alert.rule}", fontsize=7, va="bottom")
    axis.set_ylim(0, 1.32)
    axis.set_ylabel("customer")
    axis.legend(loc="upper left", fontsize=8)


def _speech(axis: Any, time: NDArray[np.float64], result: Replay) -> None:
    for at, leg in enumerate(result.legs):
        share = np.nan_to_num(result.column(at, "speech"))
        axis.fill_between(time, at, at + 0.8 * share, color=COLOURS[leg], lw=0, step="pre")
        unjudged = np.isin(result.reasons[:, at], (Reason.JUDGED, Reason.SILENCE, Reason.WARMING), invert=True)
        axis.fill_between(time, at, at + 0.8, where=unjudged, color=_GREY, alpha=0.4, lw=0, step="pre")
    axis.set_yticks([at + 0.4 for at in range(len(result.legs))], result.legs)
    axis.set_ylim(0, len(result.legs))
    axis.text(1, 1, "grey: not judged", transform=axis.transAxes, fontsize=7, ha="right", va="bottom", color=_GREY)
