"""Formats alerts for people and for chat systems. Pure."""

import json
from typing import Any, Final, Literal, NamedTuple

from callguard.contracts.events import PREFIX, Envelope

Style = Literal["cloudevents", "slack", "teams"]
CONTENT_TYPES: Final[dict[Style, str]] = {
    "cloudevents": "application/cloudevents+json; charset=utf-8",
    "slack": "application/json; charset=utf-8",
    "teams": "application/json; charset=utf-8",
}


class AlertText(NamedTuple):
    """An alert in words: a title of one line, facts as (name, value), a link to the runbook."""

    title: str
    facts: tuple[tuple[str, str], ...]
    runbook: str | None

    def plain(self) -> str:
        """Return all of it as plain text."""
        lines = [self.title, "", *(f"{name}: {value}" for name, value in self.facts)]
        return "\n".join(lines + ([f"What to do: {self.runbook}"] if self.runbook else [])) + "\n"


def describe(envelope: Envelope) -> AlertText:
    """Put an alert.* event into words."""
    data = envelope.data
    verb = envelope.type.removeprefix(f"{PREFIX}alert.").split(".")[0]
    notes = data.get("annotations", {})
    title = f"[{data.get('severity', 'warning')}] {notes.get('summary') or data['rule']}"
    facts = (
        ("State", verb + (" (on trial)" if data.get("shadow") else "")),
        ("Rule", data["rule"]),
        ("Queue", data.get("queue")),
        ("Agent", data.get("agent")),
        ("About", data.get("leg")),
        ("Taken by", data.get("by")),
        ("Evidence", _evidence(data.get("evidence", {}))),
        ("Call", envelope.subject),
        ("Time", envelope.time.isoformat(timespec="seconds")),
    )
    shown = tuple((name, _one_line(str(value))) for name, value in facts if value)
    return AlertText(_one_line(title), shown, notes.get("runbook_url"))


def body(style: Style, envelope: Envelope) -> bytes:
    """Return the request body in a receiver's format, UTF-8."""
    if style == "cloudevents":
        return envelope.to_json().encode()
    shape = _slack if style == "slack" else _teams
    return json.dumps(shape(describe(envelope)), ensure_ascii=False).encode()


def _slack(text: AlertText) -> dict[str, Any]:
    fields = [{"type": "mrkdwn", "text": f"*{name}*\n{_mrkdwn(value)}"} for name, value in text.facts]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": text.title[:150]}},
        {"type": "section", "fields": fields[:10]},
    ]
    if text.runbook:
        link = {"type": "mrkdwn", "text": f"What to do: {_mrkdwn(text.runbook)}"}
        blocks.append({"type": "context", "elements": [link]})
    return {"text": _mrkdwn(text.title), "blocks": blocks}


def _teams(text: AlertText) -> dict[str, Any]:
    card: dict[str, Any] = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "body": [
            {"type": "TextBlock", "text": _markdown(text.title), "weight": "Bolder", "wrap": True},
            {"type": "FactSet", "facts": [{"title": name, "value": _markdown(value)} for name, value in text.facts]},
        ],
    }
    if text.runbook and text.runbook.startswith(("https://", "http://")):
        card["actions"] = [{"type": "Action.OpenUrl", "title": "What to do", "url": text.runbook}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def _evidence(evidence: dict[str, Any]) -> str:
    """Return the rule's comparisons with the values that made it fire; without comparisons, the expression."""
    comparisons = evidence.get("comparisons") or []
    return ", ".join(map(_comparison, comparisons)) or str(evidence.get("expr", ""))


def _comparison(comparison: dict[str, Any]) -> str:
    value = comparison.get("value")
    return f"{comparison.get('text')} ({'not judged' if value is None else f'now {value:.4g}'})"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _mrkdwn(text: str) -> str:
    """Escape characters that Slack would read as a mention or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _markdown(text: str) -> str:
    """Escape characters that an adaptive card would read as a link or emphasis."""
    return "".join(f"\\{character}" if character in "\\[]()*_`" else character for character in text)
