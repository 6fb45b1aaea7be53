"""The life of one alert, as one table.

    state          step          next           who does it
    pending        fire          fired          the rule, after `for`
    pending        end           resolved       the rule ("cancelled"), or the call is over
    fired          acknowledge   acknowledged   the first supervisor who answers or takes it
    fired          escalate      escalated      nobody did in time; the next tier is rung
    escalated      escalate      escalated      again
    escalated      acknowledge   acknowledged   as above
    fired          end           resolved       the rule, after `keep_firing_for`; the call is over; the rule is gone
    escalated      end           resolved       as above
    acknowledged   end           resolved       as above

Nothing leads back: a condition that returns after `resolved` is a new alert.
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
    """Something asked of an alert that can't be done; the message says why, for the person who asked."""


class Alert(BaseModel):
    """One alert: what the rule said, and how far it got. Times in engine seconds."""

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
    """Tier rung last; 0: nobody was."""
    rung: tuple[str, ...] = ()
    """Supervisors to whom it was offered in this round; nobody is rung twice in one round."""
    told: bool = False
    """Whether its actions were carried out; not while silenced or inhibited."""
    waiting: bool = False
    """Whether it wants a ring that nobody was free for or had budget for."""
    verdict: Verdict | None = None
    confirm_by: float | None = None
    """After a restart: when it ends unless its rule is heard of again."""
    again_at: float | None = None
    """When those who did not answer are rung again; None: a ring goes on, or nobody was rung yet."""

    def move(self, step: Step) -> None:
        """Take a step of the table; raise AlertError when there is none from here."""
        following = TABLE.get((self.state, step))
        if following is None:
            raise AlertError(f"alert {self.id} is {self.state}; it can't {step}")
        self.state = following

    def forget(self) -> None:
        """Drop what was inferred of people."""
        self.evidence, self.annotations, self.score, self.basis = {}, {}, 0.0, "none"

    @property
    def unowned(self) -> bool:
        """Fired, and nobody took it."""
        return self.state in UNOWNED

    @property
    def active(self) -> bool:
        """Fired, taken or not."""
        return self.unowned or self.state == "acknowledged"

    @property
    def rank(self) -> tuple[int, float, float]:
        """Sorts by need, most needed last: severity, score, age."""
        severity = SEVERITIES.index(self.severity) if self.severity in SEVERITIES else 0
        return severity, self.score, -(self.fired_at or 0.0)
