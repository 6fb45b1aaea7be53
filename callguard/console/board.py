"""The content of a screen as plain data: calls that need a supervisor come first. Pure."""

from typing import Any, Final

from callguard.bus.nodes import Heard, together
from callguard.bus.overview import AlertView, CallView, Overview

SHOWN: Final = 60
"""Calls on a screen; further calls are only counted."""
_CALL: Final = ("call", "queue", "agent", "mode", "started_at", "on_hold", "taps", "unheard", "unknown")
_ALERT: Final = (
    "alert", "rule", "leg", "severity", "state", "since", "score", "by", "shadow", "merged", "silenced_by", "evidence",
    "call", "queue", "agent", "reason",
)  # fmt: skip


def board(overview: Overview, now: float) -> dict[str, Any]:
    """Return everything that a board draws at Unix time `now`."""
    calls = overview.by_need()
    asking = [alert for alert in overview.alerts.values() if alert.rank]
    return {
        "now": now,
        "degraded": {node: sorted(parts) for node, parts in overview.degraded.items() if parts},
        "away": {node: parts for node, parts in overview.degraded.items() if parts},
        "nodes": sorted(overview.nodes),
        "hearing": _hearing(together(overview.heard.values())),
        "totals": {"calls": len(calls), "alerts": len(asking)},
        "calls": [_call(overview, call) for call in calls[:SHOWN]],
        "recent": [_alert(overview, alert) for alert in reversed(overview.recent)],
    }


def _hearing(heard: Heard) -> dict[str, Any]:
    text = str(heard) if heard.calls or heard.causes else ""
    return {"heard": heard.heard, "calls": heard.calls, "causes": heard.causes, "text": text}


def _call(overview: Overview, call: CallView) -> dict[str, Any]:
    alerts = overview.alerts_of(call.call)
    return {
        **{name: getattr(call, name) for name in _CALL},
        "need": max((alert.rank for alert in alerts), default=0),
        "supervisors": [{"session": session, **facts} for session, facts in call.supervisors.items()],
        "alerts": [_alert(overview, alert) for alert in alerts],
        "signals": _signals(overview, call.call),
        "handoff": _handoff(call.card) if call.card and call.supervisors else [],
    }


def _handoff(card: dict[str, Any]) -> list[str]:
    """Put a handoff card into lines: the wait, earlier calls of the number, the alerts, the steps taken."""
    lines = [f"Waited {card['wait_s']:.0f} s" if card["wait_s"] is not None else "", _earlier(card["earlier"])]
    lines += [f"{_clock(each['at_s'])} {each['summary'] or each['rule']} ({each['state']})" for each in card["rose"]]
    lines += [f"{_clock(each['at_s'])} {each['what'].replace('_', ' ')}: {each['detail']}" for each in card["tried"]]
    return [line for line in lines if line]


def _earlier(history: dict[str, Any] | None) -> str:
    if not history or not history["calls"]:
        return ""
    counts = (("alerts", "alerts"), ("abuse", "reports of abuse"), ("takeovers", "take-overs"))
    return f"Earlier calls: {history['calls']}, " + ", ".join(f"{history[name]} {text}" for name, text in counts)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _signals(overview: Overview, call: str) -> dict[str, Any] | None:
    snapshot = overview.signals.get(call)
    if snapshot is None:
        return None
    return {
        "raised_voice": _round(snapshot.customer.get("raised_voice")),
        "level_rise_db": _round(snapshot.customer.get("level_rise_db"), 1),
        "unjudged": snapshot.unjudged.get("customer"),
        "curve": [_round(value) for value in overview.curves.get(call, ())],
    }


def _alert(overview: Overview, alert: AlertView) -> dict[str, Any]:
    facts = {name: getattr(alert, name) for name in _ALERT}
    notes = alert.annotations
    return facts | {
        "summary": notes.get("summary") or alert.rule,
        "runbook": notes.get("runbook_url"),
        "nobody_free": overview.nobody_free(alert),
    }


def _round(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)
