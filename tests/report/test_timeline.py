"""A call's timeline says what happened when, with the evidence."""

from datetime import UTC, datetime, timedelta

from callguard.contracts.events import AlertFired, CallEnded, CallStarted, Envelope, Event, SupervisionStarted, envelope
from callguard.report.timeline import timeline
from tests.support.events import supervision_suspended

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVIDENCE = {
    "comparisons": [{"text": "customer.raised_voice > 0.6", "value": 0.9, "operator": ">", "threshold": 0.6}],
    "curve": {"step_s": 0.5, "signals": {"customer.raised_voice": [None, 0.1, 0.2, 0.9]}},
}
EVENTS: tuple[tuple[float, Event], ...] = (
    (0, CallStarted(call="1.1", queue="<b>support</b>", agent="anna", mode="raised_voice")),
    (20, AlertFired(call="1.1", alert="a", rule="Loud", leg="customer", evidence=EVIDENCE)),
    (24, SupervisionStarted(call="1.1", session="s", supervisor="lead", mode="whisper", ring_s=2)),
    (90, CallEnded(call="1.1", queue="<b>support</b>", mode="raised_voice", duration_s=90)),
)


def envelopes() -> list[Envelope]:
    return [envelope(event, "n", BEGAN + timedelta(seconds=at)) for at, event in EVENTS]


def test_what_happened_stands_in_order_with_its_time() -> None:
    found = timeline("1.1", envelopes())
    assert found is not None
    assert [(moment.at_s, moment.kind) for moment in found.moments] == [
        (0, "call.started"), (20, "alert.fired"), (24, "supervision.started"), (90, "call.ended"),
    ]  # fmt: skip
    assert (found.agent, found.duration_s) == ("anna", 90)
    assert found.as_json()["moments"][1]["evidence"] == EVIDENCE


def test_an_event_delivered_twice_counts_once() -> None:
    twice = envelopes()
    found = timeline("1.1", [*twice, *twice])
    assert found is not None
    assert len(found.moments) == 4


def test_a_call_without_events_has_no_timeline() -> None:
    assert timeline("9.9", []) is None


def test_a_consultation_is_told_as_the_supervisors_waiting() -> None:
    events = (EVENTS[0][1], EVENTS[2][1], supervision_suspended("1.1"), supervision_suspended("1.1", suspended=False))
    found = timeline("1.1", [envelope(event, "n", BEGAN + timedelta(seconds=at)) for at, event in enumerate(events)])
    assert found is not None
    assert [moment.text for moment in found.moments[2:]] == [
        "Ann waits, whisper (consultation)",
        "Ann is with the call again, whisper (together)",
    ]
