"""Events of alerts, from pending to resolved, and verdicts on them. Pure."""

from typing import Any, Literal

from pydantic import Field

from callguard.contracts.events.base import Event
from callguard.contracts.vocabulary import Subject, Verdict

Away = Literal["busy", "unreachable"]
"""Why a phone can't be rung."""
PassedOver = Literal["busy", "unreachable", "in_call", "ringing", "budget"]
"""Why a supervisor on duty was not rung: phone in use, phone out of reach, in a supervised call, rung, budget spent."""


class AlertEvent(Event):
    """Facts shared by the alert.* events."""

    alert: str = Field(description="Identifier of the alert; the same from pending to resolved.")
    rule: str = Field(description="Name of the rule.")
    leg: Subject = Field(description="Subject of the rule.")
    severity: str = Field("warning", description="Label severity of the rule.")
    labels: dict[str, str] = Field({}, description="Labels of the rule.")
    annotations: dict[str, str] = Field({}, description="Annotations with values filled in.")
    queue: str | None = Field(None, description="Queue of the call.")
    agent: str | None = Field(None, description="Agent of the call.")
    shadow: bool = Field(False, description="True: the rule is on trial, no phone rings.")
    score: float = Field(0.0, description="Rank, 0-1.")


class AlertPending(AlertEvent):
    """The condition holds; `for` has not elapsed."""

    TYPE = "alert.pending.v1"


class AlertFired(AlertEvent):
    """The rule fired."""

    TYPE = "alert.fired.v1"
    evidence: dict[str, Any] = Field(
        description="expr, values against thresholds, baseline, 30 s curve, confidence, quality, basis, runbook."
    )
    silenced_by: str | None = Field(None, description="Identifier of the silence that applies, if any.")
    actions: tuple[str, ...] = Field((), description="Actions of the rule, e.g. offer_whisper for the board.")
    inhibited_by: str | None = Field(None, description="Alert that speaks for this alert, if any.")
    merged: bool = Field(
        False,
        description="True: shown, but no phone rings for it alone: no supervisor is free, or another alert rings.",
    )
    passed_over: dict[str, PassedOver] = Field(
        {}, description="Supervisors on duty who could not be rung, and why; up to the tier that rings, if one does."
    )


class AlertAcknowledged(AlertEvent):
    """A supervisor took the alert."""

    TYPE = "alert.acknowledged.v1"
    by: str = Field(description="Supervisor who owns the alert now.")
    after_s: float = Field(description="Seconds since the alert fired.")


class AlertEscalated(AlertEvent):
    """No supervisor took the alert in time; the next tier is rung."""

    TYPE = "alert.escalated.v1"
    tier: int = Field(description="Tier that is rung now.")
    passed_over: dict[str, PassedOver] = Field({}, description="As in alert.fired.")


class AlertResolved(AlertEvent):
    """The condition or the call is over."""

    TYPE = "alert.resolved.v1"
    reason: Literal["calm", "call_ended", "cancelled", "opt_out", "rule_removed", "unheard"] = Field(
        description="Why. unheard: the party is not heard any more, so that nobody knows whether it is calm."
    )
    lasted_s: float = Field(description="Seconds from firing to resolution.")


class AlertJudged(AlertEvent):
    """A supervisor gave a verdict on the alert."""

    TYPE = "alert.judged.v1"
    by: str = Field(description="Supervisor.")
    verdict: Verdict = Field(description="useful; early: right, but too soon; false.")
