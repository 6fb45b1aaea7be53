"""Warm handoff: folds a call's events into the card that a supervisor gets who joins. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from callguard.contracts.cards import CallerHistory, CardAlert, CardStep, HandoffCard
from callguard.contracts.events import PREFIX, Envelope

SHOWN: Final = 8
"""Alerts and steps on a card, the newest: more can't be taken in while a phone is answered."""
_LATER: Final = ("acknowledged", "escalated", "resolved")


class Counts(NamedTuple):
    """What one call adds to what is known of its number."""

    alerts: int
    abuse: int
    takeovers: int

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum."""
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass
class _Story:
    """What happened in one call so far."""

    since: datetime
    facts: dict[str, Any]
    alerts: dict[str, CardAlert] = field(default_factory=dict)
    steps: list[CardStep] = field(default_factory=list)
    earlier: CallerHistory | None = None
    abuse: int = 0
    takeovers: int = 0

    def at(self, time: datetime) -> float:
        return round(max(0.0, (time - self.since).total_seconds()), 1)

    def step(self, time: datetime, what: Any, detail: str) -> None:
        self.steps.append(CardStep(at_s=self.at(time), what=what, detail=detail))


class Handoffs:
    """The stories of all present calls."""

    def __init__(self) -> None:
        self._stories: dict[str, _Story] = {}

    def see(self, seen: Envelope) -> None:
        """Take in one event; a call's story begins with call.started and ends with `close`."""
        kind = seen.type.removeprefix(PREFIX).removesuffix(".v1")
        if kind in ("call.started", "call.updated"):
            story = self._stories.setdefault(seen.subject or "", _Story(seen.time, {}))
            story.facts = {name: seen.data[name] for name in ("queue", "agent", "wait_s")}
        elif (told := self._stories.get(seen.subject or "")) and (note := _NOTES.get(kind)):
            note(told, seen)

    def recall(self, call: str, earlier: CallerHistory) -> None:
        """Note what is known of the caller's number."""
        if story := self._stories.get(call):
            story.earlier = earlier

    def card(self, call: str, now: datetime) -> HandoffCard | None:
        """Return the card of a call as it stands; None for a call of which nothing is known."""
        story = self._stories.get(call)
        if story is None:
            return None
        return HandoffCard(
            **story.facts,
            elapsed_s=story.at(now),
            rose=tuple(story.alerts.values())[-SHOWN:],
            tried=tuple(story.steps[-SHOWN:]),
            earlier=story.earlier,
        )

    def counts(self, call: str) -> Counts:
        """Return what a call adds to its number's record so far."""
        story = self._stories.get(call)
        return Counts(len(story.alerts), story.abuse, story.takeovers) if story else Counts(0, 0, 0)

    def close(self, call: str) -> Counts:
        """Forget a call; return what it adds to its number's record."""
        counts = self.counts(call)
        self._stories.pop(call, None)
        return counts


def _fired(story: _Story, seen: Envelope) -> None:
    data = seen.data
    if data["shadow"]:
        return
    story.alerts[data["alert"]] = CardAlert(
        rule=data["rule"],
        leg=data["leg"],
        severity=data["severity"],
        at_s=story.at(seen.time),
        state="fired",
        summary=data["annotations"].get("summary", ""),
        because=tuple(_comparison(each) for each in data["evidence"].get("comparisons", ()) if each.get("holds")),
    )


def _comparison(comparison: dict[str, Any]) -> str:
    value = comparison.get("value")
    return str(comparison.get("text", "")) + ("" if value is None else f" ({value:.3g})")


def _moved(story: _Story, seen: Envelope) -> None:
    alert = story.alerts.get(seen.data["alert"])
    if alert is not None:
        state = seen.type.removeprefix(PREFIX + "alert.").removesuffix(".v1")
        change = {"state": state, "owner": seen.data.get("by", alert.owner)}
        story.alerts[seen.data["alert"]] = alert.model_copy(update=change)


def _helped(story: _Story, seen: Envelope) -> None:
    story.step(seen.time, "help", "the agent asked for help")


def _warned(story: _Story, seen: Envelope) -> None:
    story.abuse += 1
    story.step(seen.time, "warning", "played" if seen.data["played"] else "not played to its end")


def _ended_for_abuse(story: _Story, _: Envelope) -> None:
    story.abuse += 1


def _prompted(story: _Story, seen: Envelope) -> None:
    story.step(seen.time, "prompt", seen.data["prompt"])


def _joined(story: _Story, seen: Envelope) -> None:
    story.takeovers += seen.data["mode"] == "takeover"
    story.step(seen.time, "joined", f"{seen.data['supervisor']}: {seen.data['mode']}")


def _switched(story: _Story, seen: Envelope) -> None:
    story.takeovers += seen.data["mode"] == "takeover"


def _failed(story: _Story, seen: Envelope) -> None:
    if seen.data["reason"] in ("no_answer", "busy", "unreachable"):
        story.step(seen.time, "no_answer", f"{seen.data['supervisor']}: {seen.data['reason']}")


_NOTES: Final[dict[str, Callable[[_Story, Envelope], None]]] = {
    "alert.fired": _fired,
    **dict.fromkeys((f"alert.{state}" for state in _LATER), _moved),
    "assist.requested": _helped,
    "abuse.warned": _warned,
    "abuse.ended_call": _ended_for_abuse,
    "prompt.played": _prompted,
    "supervision.started": _joined,
    "supervision.mode_changed": _switched,
    "supervision.failed": _failed,
}
