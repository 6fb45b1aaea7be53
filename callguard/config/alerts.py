"""Limits that keep alerts from becoming noise."""

from pydantic import Field

from callguard.config.base import Section


class Inhibit(Section):
    """While an alert with the source's labels fires, alerts of the same call with the target's labels ring no phones.

    Labels are the rule's labels, and `rule` and `severity`.
    """

    source: dict[str, str] = Field(min_length=1, description="Labels of the alert that speaks for others.")
    target: dict[str, str] = Field(min_length=1, description="Labels of the alerts that it speaks for.")


class AlertsConfig(Section):
    """Limits that keep alerts from becoming noise."""

    budget_per_hour: int = Field(
        12, ge=1, le=1000, description="Rings per supervisor and hour; more are merged and ranked."
    )
    escalate_after_s: float = Field(20.0, gt=0, le=3600, description="Seconds without an answer before the next tier.")
    inhibit: tuple[Inhibit, ...] = Field(
        (Inhibit(source={"severity": "critical"}, target={"severity": "warning"}),),
        description="Pairs of alerts of one call, of which the first speaks for the second.",
    )
    ring_again_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="Seconds after the last tier went unanswered before an alert rings from the first tier again, "
        "within the budget; 0: never.",
    )
