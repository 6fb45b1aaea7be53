"""The handoff card: the facts that a supervisor and programs get when the supervisor joins a call. Pure."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from callguard.contracts.vocabulary import Subject


class CardPart(BaseModel):
    """Base of the parts of a handoff card."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CardAlert(CardPart):
    """One alert of the call."""

    rule: str = Field(description="Name of the rule.")
    leg: Subject = Field(description="Subject of the alert.")
    severity: str = Field(description="Label severity of the rule.")
    at_s: float = Field(description="Seconds into the call at which it fired.")
    state: Literal["fired", "escalated", "acknowledged", "resolved"] = Field(description="Last state of the alert.")
    summary: str = Field(description="Annotation summary of the rule.")
    because: tuple[str, ...] = Field(description="Comparisons that held, with the values at which the alert fired.")
    owner: str | None = Field(None, description="Supervisor who took the alert.")


class CardStep(CardPart):
    """One attempt to help in the call."""

    at_s: float = Field(description="Seconds into the call.")
    what: Literal["help", "prompt", "warning", "joined", "no_answer"] = Field(
        description="help and warning: codes of the agent; prompt: whispered; joined, no_answer: a supervisor."
    )
    detail: str = Field(description="Prompt, supervisor and mode, or outcome.")


class CallerHistory(CardPart):
    """Counts of earlier calls of the same number. Only a keyed hash of the number is kept, not the number itself."""

    calls: int = Field(description="Earlier calls.")
    alerts: int = Field(description="Alerts that fired in earlier calls.")
    abuse: int = Field(description="Reports of abuse in earlier calls.")
    takeovers: int = Field(description="Take-overs in earlier calls.")
    last: datetime = Field(description="End of the last earlier call.")


class HandoffCard(CardPart):
    """The facts that a supervisor needs when joining a call."""

    queue: str | None = Field(None, description="Queue, if the call came through one.")
    agent: str | None = Field(None, description="Agent.")
    wait_s: float | None = Field(None, description="Seconds the customer waited in the queue.")
    elapsed_s: float = Field(description="Seconds since both parties were joined.")
    rose: tuple[CardAlert, ...] = Field((), description="Alerts of this call, oldest first.")
    tried: tuple[CardStep, ...] = Field((), description="Attempts to help, oldest first.")
    earlier: CallerHistory | None = Field(None, description="Earlier calls of the same number, if its hash is kept.")
