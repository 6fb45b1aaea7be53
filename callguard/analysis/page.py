"""An evaluation as one self-contained HTML page: tables, ROC, DET, reliability, timelines of missed and false."""

import html
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from callguard.analysis.calls import HOLD_S, ScoredCall
from callguard.analysis.clips import ScoredClip, labelled
from callguard.analysis.episodes import alarms
from callguard.analysis.metrics import Curve, curve, reliability
from callguard.audio.frames import HOP_S

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}
td,th{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}h2{margin-top:2.2rem}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td,th{border-color:#444}svg{background:#fff}}
"""
_MOST_TIMELINES: Final = 24


def clips_page(title: str, clips: Sequence[ScoredClip], figures: Mapping[str, Any]) -> str:
    """Return the page of scored clips."""
    body = [
        _heading(title),
        f"<p>{html.escape(str(figures['protocol']))}; {figures['clips']} clips, "
        f"{figures['unjudged']} of them not judged.</p>",
    ]
    for name in ("raised", "anger"):
        found = figures[name]
        body.append(f"<h2>{'Raised voice' if name == 'raised' else 'Anger'}</h2>")
        body.append(table({key: found[key] for key in ("angry_against_all", "angry_against_calm") if found[key]}))
        labels, scores = labelled(clips, name)
        if labels.any() and not labels.all():
            body.append(_curves(labels, scores))
        for condition, values in found["conditions"].items():
            body.append(f"<h3>AUC by {html.escape(condition)}</h3>")
            body.append(table({value: {"auc": auc} for value, auc in values.items()}))
    return _page(title, body)


def calls_page(title: str, calls: Sequence[ScoredCall], figures: Mapping[str, Any]) -> str:
    """Return the page of scored calls."""
    body = [
        _heading(title),
        f"<p>{figures['calls']} calls.</p>",
        "<h2>Rules</h2>",
        table({**figures["rules"], "any of them": figures["any_rule"]}),
    ]
    points = {name: figures[name] for name in ("at_6_per_hour", "at_1_per_hour_without_loud_joy") if figures[name]}
    body += ["<h2>Plain threshold on raised_voice</h2>", table(points), _operating_curve(figures["curve"])]
    for condition, values in figures["conditions"].items():
        body += [f"<h3>By {html.escape(condition)}</h3>", table(values)]
    point = figures["at_6_per_hour"]
    body.append("<h2>Missed and false</h2>")
    body += _timelines(calls, point["threshold"] if point else 0.5)
    return _page(title, body)


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return rows of figures as an HTML table; columns are the union of their keys."""
    if not rows:
        return "<p>none</p>"
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    head = "".join(f"<th>{html.escape(column.replace('_', ' '))}</th>" for column in ("", *columns))
    lines = [
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(f"<td>{_cell(row.get(column))}</td>" for column in columns)
        + "</tr>"
        for name, row in rows.items()
    ]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, int | float) else html.escape(str(value))


def _heading(title: str) -> str:
    return f"<h1>{html.escape(title)}</h1>"


def _page(title: str, body: Sequence[str]) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><body>{''.join(body)}</body></html>\n"
    )


def svg(figure: Any) -> str:
    """Return a figure as SVG to be put into a page, the same bytes for the same figure."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "callguard", "svg.fonttype": "none"}):
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()[out.getvalue().index("<svg") :]


def _curves(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
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
    return svg(figure)


def _draw_det(axis: Any, found: Curve) -> None:
    missed = 1 - found.recall
    axis.plot(np.maximum(found.fallout, 1e-3), np.maximum(missed, 1e-3))
    axis.set(title="DET", xlabel="false positives", ylabel="missed", xscale="log", yscale="log")


def _operating_curve(points: Sequence[Mapping[str, Any]]) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    axis.plot([point["false_per_hour"] for point in points], [point["recall"] or 0 for point in points], ".-")
    axis.set(xlabel="false alerts per leg-hour", ylabel="episodes caught", xlim=(0, 30), ylim=(0, 1))
    axis.axvline(6, color="grey", ls=":")
    return svg(figure)


def _timelines(calls: Sequence[ScoredCall], threshold: float) -> list[str]:
    out: list[str] = []
    for call in calls:
        verdict = call.verdict_at(threshold)
        missed, false = sum(delay is None for delay in verdict.delays), len(verdict.false)
        if (missed or false) and len(out) < _MOST_TIMELINES:
            words = f"{call.name}, {call.kind}: {missed} missed, {false} false"
            out.append(f"<h3>{html.escape(words)}</h3>{_timeline(call, threshold)}")
    return out or ["<p>none</p>"]


def _timeline(call: ScoredCall, threshold: float) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 1.8), layout="constrained")
    axis = figure.subplots()
    axis.plot((np.arange(len(call.raised)) + 1) * HOP_S, call.raised, color="#b3403a", lw=1.3)
    axis.axhline(threshold, color="grey", ls=":", lw=0.8)
    for episode in call.episodes:
        axis.axvspan(episode.start, episode.end, color="#f2c14e", alpha=0.3, lw=0)
    for alarm in alarms(call.raised, threshold, HOLD_S):
        axis.plot([alarm.start, alarm.end], [1.05, 1.05], color="black", lw=3)
    axis.set(ylim=(0, 1.1), xlim=(0, call.seconds))
    return svg(figure)
