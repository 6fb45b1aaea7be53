"""The handoff card: what a supervisor is told who joins a call, and programs with them. Pure."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from callguard.contracts.vocabulary import Subject


class CardPart(BaseModel):
    """Base of what a handoff card consists of."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CardAlert(CardPart):
    """One alert of the call."""

    rule: str = Field(description="Name of the rule.")
    leg: Subject = Field(description="Whom it is about.")
    severity: str = Field(description="Label severity of the rule.")
    at_s: float = Field(description="Seconds into the call at which it fired.")
    state: Literal["fired", "escalated", "acknowledged", "resolved"] = Field(description="How far it got.")
    summary: str = Field(description="Annotation summary of the rule.")
    because: tuple[str, ...] = Field(description="Comparisons that held, with the values that made it fire.")
    owner: str | None = Field(None, description="Supervisor who took it.")


class CardStep(CardPart):
    """One thing that was tried in the call."""

    at_s: float = Field(description="Seconds into the call.")
    what: Literal["help", "prompt", "warning", "joined", "no_answer"] = Field(
        description="help and warning: codes of the agent; prompt: whispered; joined, no_answer: a supervisor."
    )
    detail: str = Field(description="Prompt, supervisor and mode, or outcome.")


class CallerHistory(CardPart):
    """What earlier calls of the same number came to. The number itself is not kept, only a keyed hash of it."""

    calls: int = Field(description="Earlier calls.")
    alerts: int = Field(description="Alerts that fired in them.")
    abuse: int = Field(description="Reports of abuse in them.")
    takeovers: int = Field(description="Take-overs in them.")
    last: datetime = Field(description="End of the last one.")


class HandoffCard(CardPart):
    """What a supervisor must know who joins now."""

    queue: str | None = Field(None, description="Queue, if the call came through one.")
    agent: str | None = Field(None, description="Agent.")
    wait_s: float | None = Field(None, description="Seconds the customer waited in the queue.")
    elapsed_s: float = Field(description="Seconds since both parties were joined.")
    rose: tuple[CardAlert, ...] = Field((), description="What rose and when: alerts of this call, oldest first.")
    tried: tuple[CardStep, ...] = Field((), description="What was tried, oldest first.")
    earlier: CallerHistory | None = Field(None, description="Earlier calls of the same number, if it is remembered.")
