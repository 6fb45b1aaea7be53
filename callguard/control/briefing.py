"""Chooses the speech that briefs a supervisor before the call: the reason, the minute, the agent, the queue. Pure."""

from callguard.alerts.alert import Alert

REASONS = (
    ("abuse", "brief-abuse"),
    ("help", "brief-help"),
    ("shout", "brief-shouting"),
    ("anger", "brief-anger"),
    ("talk", "brief-talk-over"),
    ("over", "brief-talk-over"),
)
"""Part of a rule's name in lower case → prompt that names the reason; other rules are about a raised voice."""
LONGEST_NUMBER = 6
"""Most digits of an agent's number that is read out; a longer one is no extension."""


def briefing(alert: Alert | None, *, minute: int, agent: str | None, queue_media: str | None) -> list[str]:
    """Return media URIs, 3 to 5 seconds of speech in all.

    Args:
        alert: the alert that rang the supervisor; None: they asked to join.
        minute: of the conversation, from 1.
        agent: queue member or endpoint; read out if it ends in a short number.
        queue_media: media URI that says the queue's name, if one is configured.
    """
    parts = [f"sound:callguard/{_reason(alert)}", "sound:callguard/brief-minute", f"number:{max(1, minute)}"]
    if number := _number(agent):
        parts += ["sound:callguard/brief-agent", f"digits:{number}"]
    if queue_media:
        parts += ["sound:callguard/brief-queue", queue_media]
    return parts


def _reason(alert: Alert | None) -> str:
    if alert is None:
        return "brief-request"
    rule = alert.labels.get("briefing", alert.rule).lower()
    return next((prompt for part, prompt in REASONS if part in rule), "brief-raised-voice")


def _number(agent: str | None) -> str:
    digits = "".join(character for character in agent or "" if character.isdigit())
    return digits if len(digits) <= LONGEST_NUMBER else ""
