"""An alert book under a script: rules speak, supervisors answer, time passes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

from callguard.alerts import AlertStore, Outcome, Policy, Where
from callguard.alerts.effects import Effect, RingSupervisors
from callguard.config import AlertsConfig, SupervisionConfig, SupervisorConfig
from callguard.contracts.events import AlertEvent
from callguard.contracts.messages import Transition

ANN = SupervisorConfig(name="ann", endpoint="PJSIP/1")
BOB = SupervisorConfig(name="bob", endpoint="PJSIP/2")
CHIEF = SupervisorConfig(name="chief", endpoint="PJSIP/9", tier=2)


def policy(supervisors: Sequence[SupervisorConfig] = (ANN, BOB, CHIEF), **alerts: Any) -> Policy:
    return Policy(
        AlertsConfig(**alerts),
        SupervisionConfig(),
        tuple(supervisors),
        {"support": "floor", "sales": "shop"},
        lambda now: datetime.fromtimestamp(now, UTC),
    )


class AlertManager:
    """A book with numbered identifiers ("1", "2", …) and a record of all that it said."""

    def __init__(self, settings: Policy | None = None, joinable: Callable[[str], bool] = lambda call: True) -> None:
        numbers = count(1)
        self.settings = settings or policy()
        self._new_id = lambda: str(next(numbers))
        self._joinable = joinable
        self.book = AlertStore(self.settings, self._new_id, joinable)
        self.kept: dict[str, str] = {}
        """What was written of the book, by part."""
        self.events: list[AlertEvent] = []
        self.effects: list[Effect] = []

    def rule(self, kind: str, now: float, rule: str = "Shouting", call: str = "c1", **fields: Any) -> Outcome:
        where = Where(fields.pop("queue", None), fields.pop("agent", None))
        given = {"leg": "customer", "severity": "critical", "actions": ("ring_whisper",), "score": 0.9, **fields}
        return self.note(self.book.apply(Transition(kind, call, rule, at=now, **given), where, now))  # type: ignore[arg-type]

    def note(self, outcome: Outcome) -> Outcome:
        self.events += outcome.events
        self.effects += outcome.effects
        return outcome

    def tick(self, now: float) -> Outcome:
        return self.note(self.book.tick(now))

    def restart(self, now: float) -> Outcome:
        """Another process goes on from what was kept."""
        self.keep()
        self.book = AlertStore(self.settings, self._new_id, self._joinable)
        return self.note(self.book.restore(self.kept, now))

    def keep(self) -> None:
        """Write what changed."""
        for key, text in self.book.changes().items():
            if text is None:
                del self.kept[key]
            else:
                self.kept[key] = text


def types(outcome: Outcome) -> list[str]:
    """Return the kinds of events, such as "fired"."""
    return [event.TYPE.split(".")[1] for event in outcome.events]


def rung(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return who is rung by each ring."""
    return [effect.supervisors for effect in outcome.effects if isinstance(effect, RingSupervisors)]
