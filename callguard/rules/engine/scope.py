"""Decide where and when a rule applies, once when a call opens and again when its facts change, never at each step."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final

from callguard.contracts.messages import CallFacts
from callguard.contracts.vocabulary import Mode

WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Scope:
    """Conditions on the call's facts; an empty scope applies to every call.

    Attributes:
        queues: shell-style patterns, without case as in Asterisk; a call without a queue matches only an empty scope.
        languages: BCP 47 tags or patterns; a plain language includes its regions (`en` matches `en-GB`).
        modes: modes of analysis.
        hours: HH:MM-HH:MM, local time of the call's start; the span may cross midnight.
        days: weekdays on which the shift began.
    """

    queues: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ("raised_voice", "emotion")
    hours: str | None = None
    days: tuple[str, ...] = ()

    def applies(self, facts: CallFacts) -> bool:
        """Return whether a call is in scope."""
        return (
            facts.mode in self.modes
            and _matches(self.queues, facts.queue)
            and _speaks(self.languages, facts.language)
            and self._began_within(facts.started_at)
        )

    def _began_within(self, started_at: float) -> bool:
        # 0.0 marks an offline recording: its time of day is not known, so every rule judges it.
        if not started_at or (self.hours is None and not self.days):
            return True
        return within(self.hours, self.days, datetime.fromtimestamp(started_at).astimezone())


def within(hours: str | None, days: tuple[str, ...], local: datetime) -> bool:
    """Return whether a local time lies in a shift. A night shift belongs to the day on which it began."""
    start, end = _minutes(hours or "00:00-24:00")
    minute = local.hour * 60 + local.minute
    overnight = end <= start
    if overnight and minute < end:
        local -= timedelta(days=1)
    on_shift = (minute >= start or minute < end) if overnight else start <= minute < end
    return on_shift and (not days or WEEK[local.weekday()] in days)


def _minutes(hours: str) -> tuple[int, int]:
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in hours.split("-"))
    return start, end


def _matches(patterns: tuple[str, ...], name: str | None) -> bool:
    return not patterns or (
        name is not None and any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)
    )


def _speaks(patterns: tuple[str, ...], language: str | None) -> bool:
    widened = tuple(text for pattern in patterns for text in (pattern.lower(), f"{pattern.lower()}-*"))
    return _matches(widened, language.lower() if language else None)
