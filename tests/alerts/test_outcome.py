"""Outcomes are put together in the order in which they came about."""

from callguard.alerts.effects import StopRinging
from callguard.alerts.outcome import Outcome
from callguard.contracts.events import AlertPending


def pending(alert: str) -> AlertPending:
    return AlertPending(call="c", alert=alert, rule="R", leg="call")


def test_what_is_added_stands_behind() -> None:
    first = Outcome([pending("1")], [StopRinging("1")])
    assert first.add(Outcome([pending("2")], [StopRinging("2")])) is first
    assert [event.alert for event in first.events] == ["1", "2"]
    assert first.effects == [StopRinging("1"), StopRinging("2")]


def test_outcomes_share_nothing() -> None:
    one, two = Outcome(), Outcome()
    one.add(Outcome([pending("1")]))
    assert two.events == []
