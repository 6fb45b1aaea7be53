"""Fold a call's events into a timeline."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from callguard.contracts.events import PREFIX, Envelope


@dataclass(frozen=True, slots=True)
class Moment:
    """One event in one line of text."""

    at_s: float
    """Seconds since the first event of the call."""
    kind: str
    """Wire name without prefix and version, such as alert.fired."""
    text: str
    evidence: dict[str, Any] | None = None
    severity: str | None = None
    """Severity of an alert; None for other events."""


@dataclass(slots=True)
class Timeline:
    """The events of a call, oldest first."""

    call: str
    began: datetime
    queue: str | None = None
    agent: str | None = None
    mode: str | None = None
    duration_s: float | None = None
    """End of the call; None while it continues."""
    moments: list[Moment] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the timeline as JSON-able data."""
        return {**asdict(self), "began": self.began.isoformat()}


def timeline(call: str, envelopes: Iterable[Envelope]) -> Timeline | None:
    """Fold a call's events, oldest first; None where there are none. A repeated event counts once."""
    unique = {each.id: each for each in envelopes}
    found: Timeline | None = None
    for each in unique.values():
        found = found or Timeline(call, each.time)
        kind = each.type.removeprefix(PREFIX).rsplit(".", 1)[0]
        _note_facts(found, kind, each.data)
        at = round((each.time - found.began).total_seconds(), 2)
        say = TEXTS.get(kind, _plain)
        found.moments.append(Moment(at, kind, say(each.data), each.data.get("evidence"), each.data.get("severity")))
    return found


def _note_facts(found: Timeline, kind: str, data: dict[str, Any]) -> None:
    if not kind.startswith("call."):
        return
    found.queue, found.agent, found.mode = data["queue"], data["agent"] or found.agent, data["mode"]
    if kind == "call.ended":
        found.duration_s = round(data["duration_s"], 1)


def _plain(data: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in data.items() if key not in ("call", "basis") and value)


def _alert(verb: str) -> Callable[[dict[str, Any]], str]:
    def say(data: dict[str, Any]) -> str:
        summary = data["annotations"].get("summary") or data["rule"]
        more = [data["by"]] if "by" in data else [data["reason"]] if "reason" in data else []
        return f"{data['severity']} {data['rule']} {verb}: {'; '.join([summary, *more])}"

    return say


def _supervisor(verb: str) -> Callable[[dict[str, Any]], str]:
    def say(data: dict[str, Any]) -> str:
        reason = f" ({data['reason']})" if data.get("reason") else ""
        return f"{data['supervisor']} {verb}, {data['mode'] or 'mode not known'}{reason}"

    return say


def _change(data: dict[str, Any]) -> str:
    if data["by"] == "call":
        return "waits" if data["suspended"] else "is with the call again"
    return "changed the mode"


TEXTS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "call.started": lambda d: f"customer and agent {d['agent'] or ''} joined, mode {d['mode']}",
    "call.updated": lambda d: f"call: {d['change']}",
    "call.ended": lambda d: f"call ended after {d['duration_s']:.0f} s ({d['reason']})",
    "tap.opened": lambda d: f"{d['leg']} is heard by {d['path']}",
    "tap.lost": lambda d: f"{d['leg']} is not heard: {d['reason']}",
    "tap.restored": lambda d: f"{d['leg']} is heard again",
    "alert.pending": _alert("pending"),
    "alert.fired": _alert("fired"),
    "alert.acknowledged": _alert("taken"),
    "alert.escalated": _alert("escalated"),
    "alert.resolved": _alert("resolved"),
    "supervision.requested": _supervisor("is asked for"),
    "supervision.ringing": _supervisor("is rung"),
    "supervision.started": _supervisor("joined"),
    "supervision.mode_changed": lambda d: _supervisor(_change(d))(d),
    "supervision.ended": _supervisor("left"),
    "supervision.failed": _supervisor("did not join"),
    "prompt.played": lambda d: f"the agent heard the prompt {d['prompt']}",
}
"""The text of each kind of event; other kinds list their fields."""
