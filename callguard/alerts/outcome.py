"""The outcome of an input to the alert store."""

from dataclasses import dataclass, field

from callguard.alerts.effects import Effect
from callguard.contracts.events import AlertEvent


@dataclass(slots=True)
class Outcome:
    """Events to publish and effects to carry out, each in order; publish first."""

    events: list[AlertEvent] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def add(self, other: "Outcome") -> "Outcome":
        """Append another outcome; return this one."""
        self.events += other.events
        self.effects += other.effects
        return self
