"""Write an evaluation as one self-contained HTML page: tables, ROC, DET, reliability, timelines with misses."""

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from callguard.analysis.calls import HOLD_S, ScoredCall
from callguard.analysis.clips import ScoredClip, labelled
from callguard.analysis.episodes import alarms
from callguard.analysis.metrics import Curve, curve, reliability
from callguard.audio.frames import HOP_S
from callguard.rules.authoring.rates import caution
from callguard.runtime.figures import new_figure
from callguard.runtime.templates import templates

Rows = Mapping[str, Mapping[str, Any]]

_SCORES: Final = {"raised": "Raised voice", "anger": "Anger"}
_MOST_TIMELINES: Final = 24


def clips_page(title: str, clips: Sequence[ScoredClip], figures: Mapping[str, Any]) -> str:
    """Return the page of scored clips."""
    scores = [(words, _tables(figures[name]), _curves(*labelled(clips, name))) for name, words in _SCORES.items()]
    return _PAGES.get_template("clips.html").render(title=title, figures=figures, scores=scores)


def calls_page(title: str, calls: Sequence[ScoredCall], figures: Mapping[str, Any]) -> str:
    """Return the page of scored calls."""
    point = figures["at_6_per_hour"]
    return _PAGES.get_template("calls.html").render(
        title=title,
        figures=figures,
        caution=caution(figures["any_rule"]["hours"]),
        rules={**figures["rules"], "any of them": figures["any_rule"]},
        points=_known(figures, "at_6_per_hour", "at_1_per_hour_without_loud_joy"),
        curve=_operating_curve(figures["curve"]),
        timelines=islice(_timelines(calls, point["threshold"] if point else 0.5), _MOST_TIMELINES),
    )


def _tables(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of one score of clips."""
    return {
        "against": _known(found, "angry_against_all", "angry_against_calm"),
        "conditions": {
            condition: {value: {"auc": auc} for value, auc in values.items()}
            for condition, values in found["conditions"].items()
        },
    }


def _known(figures: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: figures[name] for name in names if figures[name]}


def _columns(rows: Rows) -> list[str]:
    """Return the union of the rows' keys, in the order of their first appearance."""
    return list(dict.fromkeys(key for row in rows.values() for key in row))


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def svg(figure: Any) -> str:
    """Return a figure as SVG for a page; equal figures give equal bytes."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "callguard", "svg.fonttype": "none"}):
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()[out.getvalue().index("<svg") :]


def _picture(figure: Any) -> Markup:
    return Markup(svg(figure))  # noqa: S704 -- matplotlib escapes what it writes


def _curves(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> Markup:
    """Draw how well scores separate the labels; draw nothing where all labels are the same."""
    if labels.all() or not labels.any():
        return Markup()
    figure = new_figure(12, 4)
    roc, det, bins = figure.subplots(1, 3)
    found = curve(labels, scores)
    roc.plot(found.fallout, found.recall)
    roc.plot([0, 1], [0, 1], ":", color="grey")
    roc.set(title="ROC", xlabel="false positives", ylabel="recall")
    _draw_det(det, found)
    told = reliability(labels, scores)
    bins.plot([0, 1], [0, 1], ":", color="grey")
    bins.plot(told.score, told.share, "o-")
    bins.set(title="reliability", xlabel="score", ylabel="share that is angry")
    return _picture(figure)


def _draw_det(axis: Any, found: Curve) -> None:
    missed = 1 - found.recall
    axis.plot(np.maximum(found.fallout, 1e-3), np.maximum(missed, 1e-3))
    axis.set(title="DET", xlabel="false positives", ylabel="missed", xscale="log", yscale="log")


def _operating_curve(points: Sequence[Mapping[str, Any]]) -> Markup:
    figure = new_figure(7, 4)
    axis = figure.subplots()
    axis.plot([point["false_per_hour"] for point in points], [point["recall"] or 0 for point in points], ".-")
    axis.set(xlabel="false alerts per leg-hour", ylabel="episodes caught", xlim=(0, 30), ylim=(0, 1))
    axis.axvline(6, color="grey", ls=":")
    return _picture(figure)


def _timelines(calls: Sequence[ScoredCall], threshold: float) -> Iterator[tuple[str, Markup]]:
    """Yield the calls with a missed episode or a false alert, in words and as a picture."""
    for call in calls:
        verdict = call.verdict_at(threshold)
        missed, false = sum(delay is None for delay in verdict.delays), len(verdict.false)
        if missed or false:
            yield f"{call.name}, {call.kind}: {missed} missed, {false} false", _timeline(call, threshold)


def _timeline(call: ScoredCall, threshold: float) -> Markup:
    figure = new_figure(12, 1.8)
    axis = figure.subplots()
    axis.plot((np.arange(len(call.raised)) + 1) * HOP_S, call.raised, color="#b3403a", lw=1.3)
    axis.axhline(threshold, color="grey", ls=":", lw=0.8)
    for episode in call.episodes:
        axis.axvspan(episode.start, episode.end, color="#f2c14e", alpha=0.3, lw=0)
    for alarm in alarms(call.raised, threshold, HOLD_S):
        axis.plot([alarm.start, alarm.end], [1.05, 1.05], color="black", lw=3)
    axis.set(ylim=(0, 1.1), xlim=(0, call.seconds))
    return _picture(figure)


_PAGES: Final = templates("callguard.analysis")
_PAGES.filters |= {"columns": _columns, "cell": _cell}
