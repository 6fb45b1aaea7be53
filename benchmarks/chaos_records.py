"""The records of a chaos run: outages, calls, and each phone's recordings. Times are seconds of one clock. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.chaos_ears import Span
from benchmarks.chaos_plan import Joining, Kind, Target

ON_CALL: Final = 3
"""Number of supervisors whom alerts ring; each line also has one who joins by command."""


@dataclass(frozen=True)
class Cast:
    """The phones of a floor by role; lines count from 1."""

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
        """Phones of a line, without supervisors'."""
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
    """A time in which a part failed."""

    kind: Kind
    target: Target
    began: float
    ended: float


@dataclass(frozen=True)
class Recording:
    """The stretches in which one phone heard each other phone in one call."""

    phone: str
    began: float
    ended: float
    heard: Mapping[str, Sequence[Span]]

    def of(self, phone: str) -> Sequence[Span]:
        """Return the stretches in which a phone was heard."""
        return self.heard.get(phone, ())


@dataclass(frozen=True)
class CallRecord:
    """One call from the view of its phones.

    Attributes:
        id: linkedid.
        began: both parties were joined.
        ended: the customer hung up by plan, or the call was found dropped.
        dropped: party that left before that; None where none did.
        asked_at: time at which a command asked a supervisor to join.
        took_over_at: time at which a take-over removed the agent from the call.
        apart: span from the agent's first key of a consultation until customer and agent are joined again.
        private: span from the colleague's answer to the colleague's hangup.
        recordings: recordings of customer, agent and colleague.
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
        """Return a phone's recording, or None where it took no part."""
        return next((recording for recording in self.recordings if recording.phone == phone), None)
