"""A timeline as one HTML page: no script, nothing loaded from elsewhere, everything escaped."""

from html import escape
from typing import Any, Final

from callguard.report.timeline import Moment, Timeline

WIDTH, HEIGHT = 360, 60
STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
ol { list-style: none; padding: 0 }
li { display: grid; grid-template-columns: 5rem 1fr; gap: 1rem; padding: .3rem 0; border-top: 1px solid #8884 }
time { text-align: right; font-variant-numeric: tabular-nums; opacity: .8 }
.fired, .escalated { font-weight: 600 }
.fired::before { content: "▲ " }
.resolved::before { content: "✓ " }
.supervision::before { content: "● " }
svg { display: block; border: 1px solid #8886 }
polyline { fill: none; stroke: currentColor; stroke-width: 1.5 }
td, th { text-align: left; padding-right: 1rem; font-weight: 400 }
"""


def page(call: Timeline) -> str:
    """Return the page."""
    title = f"Call {escape(call.call)}"
    facts = {
        "began": call.began.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "queue": call.queue,
        "agent": call.agent,
        "mode": call.mode,
        "lasted": "goes on" if call.duration_s is None else f"{call.duration_s:.0f} s",
    }
    rows = "".join(f"<tr><th>{key}<td>{escape(str(value))}" for key, value in facts.items() if value)
    moments = "".join(_moment(each) for each in call.moments)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><table>{rows}</table><ol>{moments}</ol></html>\n"
    )


def _moment(moment: Moment) -> str:
    noun, verb = moment.kind.split(".")
    evidence = _evidence(moment.evidence) if moment.evidence else ""
    minutes, seconds = divmod(moment.at_s, 60)
    return (
        f'<li><time>{int(minutes)}:{seconds:04.1f}</time><div class="{escape(noun)} {escape(verb)}">'
        f"{escape(moment.text)}{evidence}</div>"
    )


def _evidence(evidence: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(str(each['text']))}<td>{_number(each['value'])} against {_number(each['threshold'])}"
        for each in evidence.get("comparisons", [])
    )
    curves = evidence.get("curve", {})
    step = curves.get("step_s", 0.5)
    drawn = "".join(_curve(name, values, step) for name, values in curves.get("signals", {}).items())
    return f"<details><summary>evidence</summary><table>{rows}</table>{drawn}</details>"


def _curve(name: str, values: list[float | None], step_s: float) -> str:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    points = " ".join(
        f"{WIDTH * index / (len(values) - 1):.1f},{HEIGHT - 4 - (HEIGHT - 8) * (value - low) / span:.1f}"
        for index, value in enumerate(values)
        if value is not None
    )
    label = f"{name}, {len(values) * step_s:.0f} s, {low:.2f} to {high:.2f}"
    return (
        f'<figure><figcaption>{escape(label)}</figcaption><svg role="img" aria-label="{escape(label)}" '
        f'width="{WIDTH}" height="{HEIGHT}"><polyline points="{points}"/></svg></figure>'
    )


def _number(value: float | None) -> str:
    return "not judged" if value is None else f"{value:.2f}"
