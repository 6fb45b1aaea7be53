"""The evidence of one alert as HTML: what was compared, how the voice ran, how far it is to be trusted."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

WIDTH, HEIGHT, PAD = 360, 60, 4
MEASURES: Final = (
    ("confidence", "confidence", "{:.0%}"),
    ("quality", "quality of the line", "{:.0%}"),
    ("elapsed_s", "into the call", "{:.0f} s"),
    ("for_s", "had to hold for", "{:g} s"),
)
CALM: Final = (("level_dbfs", "calm level", "{:.1f} dBFS"), ("pitch_hz", "calm pitch", "{:.0f} Hz"))
AGENT: Final = {
    "agent.speech": ("agent spoke", "{:.0%} of the last second"),
    "agent.level_rise_db": ("agent's level", "{:+.1f} dB to their own calm"),
    "call.talk_over": ("both spoke", "{:.0%} of the last ten seconds"),
    "call.interruptions_agent": ("agent cut in", "{:.0f}× in the last minute"),
    "call.interruptions_customer": ("customer cut in", "{:.0f}× in the last minute"),
}


def evidence_html(evidence: dict[str, Any]) -> str:
    """Return a part that is closed until somebody opens it."""
    compared = evidence.get("comparisons", [])
    rows = "".join(f"<tr><td>{escape(str(each['text']))}<td>{_against(each)}" for each in compared)
    facts = "".join(f"<tr><th>{escape(name)}<td>{escape(value)}" for name, value in _facts(evidence))
    curves = evidence.get("curve", {})
    step = curves.get("step_s", 0.5)
    drawn = "".join(_curve(name, values, step, compared) for name, values in curves.get("signals", {}).items())
    link = _link(evidence.get("runbook"))
    return (
        f"<details><summary>Evidence</summary><table>{rows}</table>"
        f'<div class="curves">{drawn}</div><table class="facts">{facts}</table>{link}</details>'
    )


def _against(comparison: dict[str, Any]) -> str:
    return f"{_number(comparison['value'])} against {_number(comparison['threshold'])}"


def _facts(evidence: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is known besides the comparisons, by name."""
    if basis := evidence.get("basis"):
        yield "basis", str(basis).replace("_", " ")
    for where, wanted in ((evidence.get("baseline") or {}, CALM), (evidence, MEASURES)):
        for key, name, form in wanted:
            if where.get(key) is not None:
                yield name, form.format(where[key])
    for key, value in (evidence.get("agent_side") or {}).items():
        if key in AGENT and value:
            yield AGENT[key][0], AGENT[key][1].format(value)


def _link(runbook: object) -> str:
    text = str(runbook or "")
    if not text.startswith(("https://", "http://")):
        return ""
    return f'<p><a href="{escape(text)}" rel="noopener noreferrer">What to do</a></p>'


def _curve(name: str, values: Sequence[float | None], step_s: float, compared: list[dict[str, Any]]) -> str:
    """Draw a signal's course; what was not judged is a gap, the threshold a dashed line."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    limits = [each["threshold"] for each in compared if str(each["text"]).startswith(f"{name} ")][:1]
    low, high = min([*known, *limits]), max([*known, *limits])
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0  # shares and scores: every alert's picture has the same scale
    heights = [None if value is None else _height(value, low, high) for value in values]
    dashed = "".join(f'<path class="limit" d="M0 {_height(limit, low, high):.1f}H{WIDTH}"/>' for limit in limits)
    lines = "".join(f'<polyline points="{line}"/>' for line in _lines(heights))
    label = f"{name}, {(len(values) - 1) * step_s:.0f} s, {min(known):.2f} to {max(known):.2f}"
    return (
        f'<figure><figcaption>{escape(label)}</figcaption><svg role="img" aria-label="{escape(label)}" '
        f'width="{WIDTH}" height="{HEIGHT}">{dashed}{lines}</svg></figure>'
    )


def _height(value: float, low: float, high: float) -> float:
    return HEIGHT - PAD - (HEIGHT - 2 * PAD) * (value - low) / ((high - low) or 1.0)


def _lines(heights: Sequence[float | None]) -> Iterator[str]:
    """Yield the points of each stretch without a gap; a lone point becomes a dash that can be seen."""
    wide = WIDTH / (len(heights) - 1)
    for judged, stretch in groupby(enumerate(heights), key=lambda each: each[1] is not None):
        points = [(index * wide, height) for index, height in stretch if height is not None]
        if judged:
            ends = points if len(points) > 1 else [points[0], (points[0][0] + 2, points[0][1])]
            yield " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)


def _number(value: float | None) -> str:
    return "not judged" if value is None else f"{value:.2f}"
