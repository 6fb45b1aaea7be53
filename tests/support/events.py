"""Events that tests publish, with little to say each."""

from datetime import UTC, datetime
from typing import Any

from callguard.contracts.cards import CallerHistory, CardAlert, CardStep, HandoffCard
from callguard.contracts.events import (
    AlertFired,
    AlertResolved,
    CallEnded,
    CallStarted,
    SupervisionModeChanged,
    SupervisionStarted,
)
from callguard.contracts.messages import CallSnapshot


def call_started(call: str = "c1", **facts: Any) -> CallStarted:
    return CallStarted(call=call, **({"mode": "raised_voice", "queue": "sales", "agent": "Alex"} | facts))


def call_ended(call: str = "c1") -> CallEnded:
    return CallEnded(call=call, mode="raised_voice", duration_s=61.0)


def alert_fired(call: str = "c1", alert: str = "a1", **facts: Any) -> AlertFired:
    comparison = {
        "text": "customer.raised_voice > 0.6",
        "value": 0.82,
        "operator": ">",
        "threshold": 0.6,
        "holds": True,
    }
    evidence = {
        "expr": "customer.raised_voice > 0.6",
        "comparisons": [comparison],
        "baseline": {"level_dbfs": -27.0, "pitch_hz": None},
        "curve": {"step_s": 0.5, "signals": {"customer.raised_voice": [0.1, None, 0.4, 0.82]}},
        "confidence": 0.8,
        "quality": 0.9,
        "agent_side": {"agent.level_rise_db": 0.4},
    }
    defaults: dict[str, Any] = {
        "rule": "CustomerRaisedVoice",
        "leg": "customer",
        "severity": "warning",
        "annotations": {"summary": "Customer's voice rose"},
        "queue": "sales",
        "agent": "Alex",
        "score": 0.82,
        "basis": "raised_voice",
        "evidence": evidence,
    }
    return AlertFired(call=call, alert=alert, **(defaults | facts))


def alert_resolved(call: str = "c1", alert: str = "a1") -> AlertResolved:
    return AlertResolved(
        call=call,
        alert=alert,
        rule="CustomerRaisedVoice",
        leg="customer",
        annotations={"summary": "Customer's voice rose"},
        queue="sales",
        agent="Alex",
        reason="calm",
        lasted_s=12.0,
    )


def supervision_started(
    call: str = "c1", session: str = "s1", mode: Any = "whisper", card: HandoffCard | None = None
) -> SupervisionStarted:
    return SupervisionStarted(call=call, session=session, supervisor="Ann", mode=mode, ring_s=2.0, card=card)


def supervision_suspended(
    call: str = "c1", *, suspended: bool = True, why: str = "consultation"
) -> SupervisionModeChanged:
    """As the agent consults, or is back."""
    reason: Any = why if suspended else "together"
    facts: Any = {"mode": "whisper", "previous": "whisper", "by": "call", "suspended": suspended, "reason": reason}
    return SupervisionModeChanged(call=call, session="s1", supervisor="Ann", **facts)


def supervision_cutting(call: str = "c1") -> SupervisionModeChanged:
    """As long as Asterisk has not confirmed that a released supervisor is out."""
    facts: Any = {"mode": "whisper", "previous": "whisper", "by": "command", "cutting": True}
    return SupervisionModeChanged(call=call, session="s1", supervisor="Ann", **facts)


def handoff_card() -> HandoffCard:
    return HandoffCard(
        queue="support",
        wait_s=42.4,
        elapsed_s=75.0,
        rose=(
            CardAlert(
                rule="Loud", leg="customer", severity="warning", at_s=61, state="fired", summary="Voice is raised",
                because=(),
            ),
        ),
        tried=(CardStep(at_s=65.2, what="prompt", detail="slow-down"),),
        earlier=CallerHistory(calls=2, alerts=1, abuse=0, takeovers=1, last=datetime(2026, 1, 2, tzinfo=UTC)),
    )  # fmt: skip


def snapshot(call: str = "c1", raised_voice: float | None = 0.5, at: float = 1.0) -> CallSnapshot:
    return CallSnapshot(
        call=call,
        at=at,
        customer={"raised_voice": raised_voice, "level_rise_db": 7.5},
        agent={"level_rise_db": 0.5},
        signals={"elapsed_s": 30.0},
        unjudged={} if raised_voice is not None else {"customer": "music"},
    )


def unjudged_snapshot(call: str, reason: str) -> CallSnapshot:
    return CallSnapshot(call, 1.0, {"raised_voice": None}, {}, {}, {"customer": reason})
