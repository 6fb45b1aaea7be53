"""The life of one alert, as one table.

    state          step          next           cause
    pending        fire          fired          the rule, after `for`
    pending        end           resolved       the rule ("cancelled"), or the call is over
    fired          acknowledge   acknowledged   the first supervisor to answer or take it
    fired          escalate      escalated      nobody took it in time; the next tier is rung
    escalated      escalate      escalated      as above, again
    escalated      acknowledge   acknowledged   as above
    fired          end           resolved       the rule, after `keep_firing_for`; the call is over; the rule is gone
    escalated      end           resolved       as above
    acknowledged   end           resolved       as above

No step leads back: a condition that returns after `resolved` is a new alert.
"""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from callguard.contracts.vocabulary import SEVERITIES, Basis, Subject, Verdict

State = Literal["pending", "fired", "escalated", "acknowledged", "resolved"]
Step = Literal["fire", "escalate", "acknowledge", "end"]

TABLE: Final[dict[tuple[State, Step], State]] = {
    ("pending", "fire"): "fired",
    ("pending", "end"): "resolved",
    ("fired", "acknowledge"): "acknowledged",
    ("fired", "escalate"): "escalated",
    ("escalated", "escalate"): "escalated",
    ("escalated", "acknowledge"): "acknowledged",
    ("fired", "end"): "resolved",
    ("escalated", "end"): "resolved",
    ("acknowledged", "end"): "resolved",
}
UNOWNED: Final = frozenset({"fired", "escalated"})


class AlertError(Exception):
    """A person asks for an impossible step of an alert; the message tells them why it is impossible."""


class Alert(BaseModel):
    """One alert: the rule's facts and the alert's progress. Times in engine seconds."""

    model_config = ConfigDict(extra="forbid")

    id: str
    call: str
    rule: str
    leg: Subject
    severity: str
    basis: Basis = "none"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    actions: tuple[str, ...] = ()
    queue: str | None = None
    agent: str | None = None
    shadow: bool = False
    score: float = 0.0
    evidence: dict[str, Any] = {}
    state: State = "pending"
    fired_at: float | None = None
    owner: str | None = None
    tier: int = 0
    """Tier rung last; 0: none so far."""
    rung: tuple[str, ...] = ()
    """Supervisors rung for it in this round; nobody is rung twice in one round."""
    told: bool = False
    """Whether its actions were carried out; they are held back while it is silenced or inhibited."""
    waiting: bool = False
    """Whether it waits for a ring: nobody was free or had budget left."""
    verdict: Verdict | None = None
    confirm_by: float | None = None
    """Time at which it ends after a restart, unless its rule reports again."""
    again_at: float | None = None
    """Time at which all are rung again after nobody answered; None: a ring goes on, or nobody was rung yet."""

    def move(self, step: Step) -> None:
        """Take a step of the table; raise AlertError when there is none from here."""
        following = TABLE.get((self.state, step))
        if following is None:
            raise AlertError(f"alert {self.id} is {self.state}; it can't {step}")
        self.state = following

    def forget(self) -> None:
        """Drop the facts that were inferred about people."""
        self.evidence, self.annotations, self.score, self.basis = {}, {}, 0.0, "none"

    @property
    def asked_for(self) -> bool:
        """Whether the agent asked for it by a code: no silence, inhibition or budget holds it back."""
        return self.basis == "agent"

    @property
    def unowned(self) -> bool:
        """Whether it fired and nobody took it."""
        return self.state in UNOWNED

    @property
    def active(self) -> bool:
        """Whether it fired and is not resolved."""
        return self.unowned or self.state == "acknowledged"

    @property
    def rank(self) -> tuple[int, float, float]:
        """Sort key: severity, score, age; the most urgent sorts last."""
        severity = SEVERITIES.index(self.severity) if self.severity in SEVERITIES else 0
        return severity, self.score, -(self.fired_at or 0.0)
