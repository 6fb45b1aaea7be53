"""What is noted of a chaos run: outages, calls, and what each phone heard. Times are seconds of one clock. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.chaos_ears import Span
from benchmarks.chaos_plan import Joining, Kind, Target

ON_CALL: Final = 3
"""Supervisors whom alerts ring; behind them each line has one who joins when asked."""


@dataclass(frozen=True)
class Cast:
    """The phones of a floor by part; lines count from 1."""

    lines: int

    def customer(self, line: int) -> str:
        """Phone of a line's customer."""
        return f"customer{line}"

    def agent(self, line: int) -> str:
        """Phone of a line's agent."""
        return f"agent{line}"

    def colleague(self, line: int) -> str:
        """Phone of the colleague whom a line's agent consults."""
        return f"agent{self.lines + line}"

    def joiner(self, line: int) -> str:
        """Phone of the supervisor who joins a line when asked."""
        return f"supervisor{ON_CALL + line}"

    def of_line(self, line: int) -> tuple[str, str, str]:
        """Phones of a line, but for supervisors'."""
        return self.customer(line), self.agent(line), self.colleague(line)

    @property
    def supervisors(self) -> tuple[str, ...]:
        """Phones of all supervisors."""
        return tuple(f"supervisor{number}" for number in range(1, ON_CALL + self.lines + 1))

    @property
    def phones(self) -> tuple[str, ...]:
        """All phones."""
        lines = range(1, self.lines + 1)
        return tuple(phone for line in lines for phone in self.of_line(line)) + self.supervisors


@dataclass(frozen=True)
class Outage:
    """A part was away."""

    kind: Kind
    target: Target
    began: float
    ended: float


@dataclass(frozen=True)
class Recording:
    """What one phone heard in one call, by phone that was heard."""

    phone: str
    began: float
    ended: float
    heard: Mapping[str, Sequence[Span]]

    def of(self, phone: str) -> Sequence[Span]:
        """Return the stretches in which a phone was heard."""
        return self.heard.get(phone, ())


@dataclass(frozen=True)
class CallRecord:
    """One call as its phones know it.

    Attributes:
        id: linkedid.
        began: both parties are up.
        ended: the customer was made to hang up, or the call was found dropped.
        dropped: who was gone before that; None when nobody was.
        asked_at: when a supervisor was asked in by command.
        took_over_at: when the agent was put out of the call by a take-over.
        apart: from the agent's first key of a consultation until customer and agent are together again.
        private: from the colleague's answer to the colleague's hangup.
        recordings: of customer, agent and colleague.
    """

    line: int
    id: str
    joining: Joining
    began: float
    ended: float
    dropped: str | None
    asked_at: float | None
    took_over_at: float | None
    apart: Span | None
    private: Span | None
    recordings: tuple[Recording, ...]

    def recording(self, phone: str) -> Recording | None:
        """Return what a phone heard, if it took part."""
        return next((recording for recording in self.recordings if recording.phone == phone), None)
