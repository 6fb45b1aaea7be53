"""Print the demo's events, each in one line with its second of the call."""

import time
from collections.abc import Callable
from typing import Any, Final

from callguard.contracts.events import Published

Line = tuple[str, str]
"""Called with a style and a text."""


def _alert(data: dict[str, Any]) -> str:
    shown = ", ".join(_comparison(each) for each in data["evidence"].get("comparisons", []))
    return f"ALERT      {data['rule']} on the {data['leg']}'s leg, {data['severity']}: {shown}"


def _comparison(facts: dict[str, Any]) -> str:
    value, limit = facts["value"], facts["threshold"]
    return facts["text"] if value is None else f"{facts['text']} ({value:.2f} {facts['operator']} {limit:.2f})"


TEXTS: Final[dict[str, tuple[str, Callable[[dict[str, Any]], str]]]] = {
    "call.started": ("bold", lambda d: f"call       queue {d['queue']}, agent {d['agent']}, mode {d['mode']}"),
    "tap.opened": ("cyan", lambda d: f"tap        {d['leg']} by {d['path']}"),
    "alert.pending": ("dim", lambda d: f"pending    {d['rule']}"),
    "alert.fired": ("bold red", _alert),
    "alert.acknowledged": ("green", lambda d: f"taken      by {d['by']}, {d['after_s']:.1f} s after the alert"),
    "alert.resolved": ("bold green", lambda d: f"resolved   {d['rule']}: {d['reason']}, lasted {d['lasted_s']:.1f} s"),
    "supervision.ringing": ("yellow", lambda d: f"ring       {d['supervisor']}'s phone rings"),
    "supervision.started": (
        "bold yellow",
        lambda d: f"{d['mode']:10} {d['supervisor']} answered after {d['ring_s']:.1f} s and speaks to the agent alone",
    ),
    "supervision.ended": ("yellow", lambda d: f"left       {d['supervisor']}: {d['reason']}"),
    "supervision.failed": ("red", lambda d: f"not joined {d['supervisor']}: {d['reason']}"),
    "call.ended": ("bold", lambda d: f"call       ended after {d['duration_s']:.0f} s"),
    "node.degraded": ("red", lambda d: f"degraded   {d['reason']}"),
}


class Story:
    """Turns events into lines and counts them for the summary. `tell` is called with style and text."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._start = time.monotonic()
        self.seen: dict[str, list[dict[str, Any]]] = {}
        self.calls_ended = 0
        self._next_signals = 0.0

    def see(self, happened: Published) -> None:
        """Print one event."""
        kind, data = happened.event.TYPE.removesuffix(".v1"), happened.event.model_dump(mode="json")
        self.seen.setdefault(kind, []).append(data)
        self.calls_ended += kind == "call.ended"
        if kind in TEXTS:
            style, text = TEXTS[kind]
            self.say(style, text(data))

    def signals(self, customer: dict[str, float | None]) -> None:
        """Print the customer's present signals, at most every two seconds."""
        raised, rise = customer.get("raised_voice"), customer.get("level_rise_db")
        if raised is None or time.monotonic() < self._next_signals:
            return
        self._next_signals = time.monotonic() + 2
        bar = "█" * round(20 * raised)
        level = "" if rise is None else f"  level {rise:+.0f} dB over own calm"
        self.say("dim", f"signals    raised_voice {raised:.2f} {bar:20}{level}")

    def say(self, style: str, text: str) -> None:
        """Write one line with the time since the start."""
        self._tell(style, f"{time.monotonic() - self._start:6.1f} s  {text}")

    def missing(self) -> list[str]:
        """Return the steps of the main job that did not happen."""
        steps = ("tap.opened", "alert.fired", "supervision.ringing", "supervision.started", "alert.resolved")
        return [step for step in steps if step not in self.seen]
