"""Fold events into the outcome of each call: flagged, calmed, taken over. Pure.

A call is remembered while it lasts and for an hour afterwards. An opt-out removes it at once.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from callguard.contracts.events import (
    AlertFired,
    AlertResolved,
    CallEnded,
    CallStarted,
    CallUpdated,
    Event,
    Published,
    SupervisionModeChanged,
    SupervisionStarted,
)

KEEP: Final = timedelta(hours=1)
MOST: Final = 20_000
"""Ended calls that are remembered at most."""


class Outcome(NamedTuple):
    """What became of a call; None: not known, because the service did not see the call from its begin."""

    flagged: bool | None
    """An alert fired; alerts of rules on trial don't count."""
    calmed: bool | None
    """An alert fired, and every alert of the call was resolved by calm."""
    taken_over: bool | None
    """A supervisor took the call over."""


@dataclass
class _Story:
    linkedid: str
    whole: bool = True
    """Whether the call was seen from its begin."""
    fired: set[str] = field(default_factory=set)
    calm: set[str] = field(default_factory=set)
    taken_over: bool = False

    def see(self, event: Event) -> None:
        match event:
            case AlertFired(shadow=False, alert=alert):
                self.fired.add(alert)
            case AlertResolved(shadow=False, alert=alert, reason=reason):
                self.fired.add(alert)  # it may have fired in an earlier run
                self.calm |= {alert} if reason == "calm" else set()
            case SupervisionStarted(mode="takeover") | SupervisionModeChanged(mode="takeover"):
                self.taken_over = True

    @property
    def outcome(self) -> Outcome:
        flagged, calmed = bool(self.fired), bool(self.fired) and self.fired == self.calm
        if self.whole:
            return Outcome(flagged, calmed, self.taken_over)
        return Outcome(flagged or None, None if calmed or not flagged else False, self.taken_over or None)


class Outcomes:
    """The outcomes of present and recent calls."""

    def __init__(self) -> None:
        self._stories: dict[str, _Story] = {}
        self._ended: dict[str, datetime] = {}
        """Ended calls in the order of their ends."""
        self._newest: dict[str, str] = {}
        """Newest call by linkedid."""

    def __len__(self) -> int:
        return len(self._stories)

    def see(self, happened: Published) -> None:
        """Take in one event."""
        call, event = happened.call, happened.event
        story = self._stories.get(call)
        if isinstance(event, CallStarted) or (isinstance(event, CallUpdated) and story is None):
            self._begin(call, event.linkedid or call)
        elif isinstance(event, CallEnded):
            self._end(call, happened.at, opted_out=event.reason == "opt_out")
        elif story:
            story.see(event)

    def found(self, calls: Collection[str]) -> None:
        """Note that these calls had begun before this run."""
        for call in calls:
            if story := self._stories.get(call):
                story.whole = False

    def of(self, channel: str, linkedid: str) -> Outcome | None:
        """Return the outcome of a channel's call; None for a call that is not known."""
        story = self._stories.get(channel) or self._stories.get(self._newest.get(linkedid, linkedid))
        return story.outcome if story else None

    def _begin(self, call: str, linkedid: str) -> None:
        self._forget(call)
        self._stories[call] = _Story(linkedid)
        self._newest[linkedid] = call

    def _end(self, call: str, at: datetime, *, opted_out: bool) -> None:
        if opted_out:
            self._forget(call)
        elif call in self._stories:
            self._ended[call] = at
        while self._ended:
            oldest, then = next(iter(self._ended.items()))
            if len(self._ended) <= MOST and at - then <= KEEP:
                return
            self._forget(oldest)

    def _forget(self, call: str) -> None:
        self._ended.pop(call, None)
        story = self._stories.pop(call, None)
        if story and self._newest.get(story.linkedid) == call:
            del self._newest[story.linkedid]
