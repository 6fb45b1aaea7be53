"""Show the evidence of one alert: comparisons and facts in words, signals as curves. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Curve:
    """A signal's course in a picture of WIDTH by HEIGHT.

    Attributes:
        label: the picture's text for readers who can't see it.
        limits: heights of the thresholds, which are drawn dashed.
        lines: points of each judged stretch.
    """

    label: str
    limits: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence that a page shows.

    Attributes:
        comparisons: texts of the rule's comparisons, each with its value and threshold.
        curves: curves of the signals with enough judged points.
        facts: names and values of other facts.
        runbook: a web address, or empty.
    """

    comparisons: tuple[tuple[str, str], ...]
    curves: tuple[Curve, ...]
    facts: tuple[tuple[str, str], ...]
    runbook: str


def shown(evidence: dict[str, Any]) -> Evidence:
    """Return the part of an alert's evidence that a page shows."""
    compared = evidence.get("comparisons", [])
    return Evidence(
        comparisons=tuple((str(each["text"]), _against(each)) for each in compared),
        curves=tuple(_curves(evidence.get("curve", {}), compared)),
        facts=tuple(_facts(evidence)),
        runbook=_link(evidence.get("runbook")),
    )


def _against(comparison: dict[str, Any]) -> str:
    return f"{_number(comparison['value'])} against {_number(comparison['threshold'])}"


def _facts(evidence: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of facts other than comparisons."""
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
    """Return a runbook's address if it is a web address, else an empty text."""
    text = str(runbook or "")
    return text if text.startswith(("https://", "http://")) else ""


def _curves(curve: dict[str, Any], compared: list[dict[str, Any]]) -> Iterator[Curve]:
    for name, values in curve.get("signals", {}).items():
        if sum(value is not None for value in values) > 1:
            limits = [each["threshold"] for each in compared if str(each["text"]).startswith(f"{name} ")][:1]
            yield _curve(name, values, curve.get("step_s", 0.5), limits)


def _curve(name: str, values: Sequence[float | None], step_s: float, limits: Sequence[float]) -> Curve:
    """Draw a signal's curve; unjudged points leave a gap."""
    known = [value for value in values if value is not None]
    low, high = min([*known, *limits]), max([*known, *limits])
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0  # shares and scores have the same scale in every picture
    heights = [None if value is None else _height(value, low, high) for value in values]
    return Curve(
        f"{name}, {(len(values) - 1) * step_s:.0f} s, {min(known):.2f} to {max(known):.2f}",
        tuple(f"{_height(limit, low, high):.1f}" for limit in limits),
        tuple(_lines(heights)),
    )


def _height(value: float, low: float, high: float) -> float:
    return HEIGHT - PAD - (HEIGHT - 2 * PAD) * (value - low) / ((high - low) or 1.0)


def _lines(heights: Sequence[float | None]) -> Iterator[str]:
    """Yield the points of each stretch without a gap; a single point becomes a visible dash."""
    wide = WIDTH / (len(heights) - 1)
    for judged, stretch in groupby(enumerate(heights), key=lambda each: each[1] is not None):
        points = [(index * wide, height) for index, height in stretch if height is not None]
        if judged:
            ends = points if len(points) > 1 else [points[0], (points[0][0] + 2, points[0][1])]
            yield " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)


def _number(value: float | None) -> str:
    return "not judged" if value is None else f"{value:.2f}"
