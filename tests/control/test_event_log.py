"""A quiet day's log tells of calls, alerts, rings and taps, and of nobody's number or words."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from callguard.contracts.events import EVENTS, NodeHearing, TapLost, TapRestored, published
from callguard.control.event_log import TOLD, write_log
from tests.support.events import alert_fired, alert_resolved, call_ended, call_started, supervision_started

TAP: dict[str, Any] = {
    "call": "c1",
    "leg": "customer",
    "tap": "t",
    "channel": "PJSIP/+4930123-01",
    "path": "audiosocket",
}


def lines(*events: Any) -> list[dict[str, Any]]:
    with capture_logs() as logs:
        for event in events:
            write_log(published(event, "n1"))
    return logs


def test_calls_alerts_supervisors_and_taps_are_told_at_info() -> None:
    told = lines(
        call_started("c1"), TapLost(**TAP, reason="eof"), TapRestored(**TAP), alert_fired("c1", "a1"),
        supervision_started("c1"), alert_resolved("c1", "a1"), call_ended("c1"),
    )  # fmt: skip
    assert [line["event"] for line in told] == [
        "call_started", "tap_lost", "tap_restored", "alert_fired", "supervisor_joined", "alert_resolved", "call_ended",
    ]  # fmt: skip
    assert {line["log_level"] for line in told} == {"info"}
    assert told[1] == {"event": "tap_lost", "log_level": "info", "call": "c1", "leg": "customer", "reason": "eof"}


def test_no_number_and_no_text_is_told() -> None:
    told = lines(
        call_started("c1", customer_channel="PJSIP/+4930123-01"), TapLost(**TAP, reason="eof"), alert_fired("c1")
    )
    assert "+4930123" not in str(told)
    assert "Customer's voice rose" not in str(told)


def test_what_comes_all_the_time_is_not_told() -> None:
    assert lines(NodeHearing(node="n1", heard=1, calls=1)) == []


@pytest.mark.parametrize("kind", TOLD, ids=lambda kind: kind.__name__)
def test_every_field_told_is_one_of_its_event(kind: Any) -> None:
    assert kind in EVENTS.values()
    assert set(TOLD[kind][1]) <= set(kind.model_fields)
