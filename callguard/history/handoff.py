"""Warm handoff: folds a call's events into the card for a supervisor who joins. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from callguard.contracts.cards import CallerHistory, CardAlert, CardStep, HandoffCard
from callguard.contracts.events import (
    AbuseEndedCall,
    AbuseWarned,
    AlertAcknowledged,
    AlertEscalated,
    AlertFired,
    AlertResolved,
    AssistRequested,
    CallStarted,
    CallUpdated,
    Event,
    PromptPlayed,
    Published,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionStarted,
)

SHOWN: Final = 8
"""Newest alerts and steps on a card. Nobody reads more while answering a phone."""
_LATER: Final[dict[type[Event], str]] = {
    AlertAcknowledged: "acknowledged",
    AlertEscalated: "escalated",
    AlertResolved: "resolved",
}


class Counts(NamedTuple):
    """The counts that one call adds to its number's record."""

    alerts: int
    abuse: int
    takeovers: int

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum."""
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass
class _Story:
    """The events of one call so far."""

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

    def see(self, happened: Published) -> None:
        """Take in one event; a call's story begins with call.started and ends with `close`."""
        event = happened.event
        if isinstance(event, CallStarted | CallUpdated):
            story = self._stories.setdefault(happened.call, _Story(happened.at, {}))
            story.facts = {"queue": event.queue, "agent": event.agent, "wait_s": event.wait_s}
        elif (told := self._stories.get(happened.call)) and (note := _NOTES.get(type(event))):
            note(told, event, happened.at)

    def recall(self, call: str, earlier: CallerHistory) -> None:
        """Note the record of the caller's number."""
        if story := self._stories.get(call):
            story.earlier = earlier

    def card(self, call: str, now: datetime) -> HandoffCard | None:
        """Return the present card of a call; None for an unknown call."""
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
        """Return the counts that a call adds to its number's record so far."""
        story = self._stories.get(call)
        return Counts(len(story.alerts), story.abuse, story.takeovers) if story else Counts(0, 0, 0)

    def close(self, call: str) -> Counts:
        """Forget a call; return the counts that it adds to its number's record."""
        counts = self.counts(call)
        self._stories.pop(call, None)
        return counts


def _fired(story: _Story, event: AlertFired, at: datetime) -> None:
    if event.shadow:
        return
    story.alerts[event.alert] = CardAlert(
        rule=event.rule,
        leg=event.leg,
        severity=event.severity,
        at_s=story.at(at),
        state="fired",
        summary=event.annotations.get("summary", ""),
        because=tuple(_comparison(each) for each in event.evidence.get("comparisons", ()) if each.get("holds")),
    )


def _comparison(comparison: dict[str, Any]) -> str:
    value = comparison.get("value")
    return str(comparison.get("text", "")) + ("" if value is None else f" ({value:.3g})")


def _moved(story: _Story, event: AlertAcknowledged | AlertEscalated | AlertResolved, _: datetime) -> None:
    alert = story.alerts.get(event.alert)
    if alert is not None:
        owner = event.by if isinstance(event, AlertAcknowledged) else alert.owner
        story.alerts[event.alert] = alert.model_copy(update={"state": _LATER[type(event)], "owner": owner})


def _helped(story: _Story, _: AssistRequested, at: datetime) -> None:
    story.step(at, "help", "the agent asked for help")


def _warned(story: _Story, event: AbuseWarned, at: datetime) -> None:
    story.abuse += 1
    story.step(at, "warning", "played" if event.played else "not played to its end")


def _ended_for_abuse(story: _Story, _: AbuseEndedCall, __: datetime) -> None:
    story.abuse += 1


def _prompted(story: _Story, event: PromptPlayed, at: datetime) -> None:
    story.step(at, "prompt", event.prompt)


def _joined(story: _Story, event: SupervisionStarted, at: datetime) -> None:
    story.takeovers += event.mode == "takeover"
    story.step(at, "joined", f"{event.supervisor}: {event.mode}")


def _switched(story: _Story, event: SupervisionModeChanged, _: datetime) -> None:
    story.takeovers += event.mode == "takeover"


def _failed(story: _Story, event: SupervisionFailed, at: datetime) -> None:
    if event.reason in ("no_answer", "busy", "unreachable"):
        story.step(at, "no_answer", f"{event.supervisor}: {event.reason}")


_NOTES: Final[dict[type[Event], Callable[[_Story, Any, datetime], None]]] = {
    AlertFired: _fired,
    **dict.fromkeys(_LATER, _moved),
    AssistRequested: _helped,
    AbuseWarned: _warned,
    AbuseEndedCall: _ended_for_abuse,
    PromptPlayed: _prompted,
    SupervisionStarted: _joined,
    SupervisionModeChanged: _switched,
    SupervisionFailed: _failed,
}
