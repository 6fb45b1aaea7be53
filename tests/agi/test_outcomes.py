"""A call's outcome is folded from its events, and forgotten in time."""

from datetime import UTC, datetime, timedelta

import pytest

from callguard.agi import outcomes
from callguard.agi.outcomes import KEEP, Outcome, Outcomes
from callguard.contracts.events import CallEnded, Event, SupervisionModeChanged, published
from tests.support.events import alert_fired, alert_resolved, call_ended, call_started, supervision_started

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def after(*events: Event, to: Outcomes | None = None, at: datetime = NOW) -> Outcomes:
    to = to or Outcomes()
    for event in events:
        to.see(published(event, "n1", at))
    return to


def test_a_call_that_stayed_calm() -> None:
    assert after(call_started()).of("c1", "c1") == Outcome(flagged=False, calmed=False, taken_over=False)


def test_a_call_is_calmed_when_each_of_its_alerts_was() -> None:
    known = after(call_started(), alert_fired(alert="a1"), alert_fired(alert="a2"), alert_resolved(alert="a1"))
    assert known.of("c1", "c1") == Outcome(flagged=True, calmed=False, taken_over=False)
    after(alert_resolved(alert="a2"), call_ended(), to=known)
    assert known.of("c1", "c1") == Outcome(flagged=True, calmed=True, taken_over=False)


def test_an_alert_that_only_the_calls_end_resolved_was_not_calmed() -> None:
    ended = alert_resolved(alert="a1").model_copy(update={"reason": "call_ended"})
    assert after(call_started(), alert_fired(alert="a1"), ended).of("c1", "c1") == Outcome(True, False, False)


def test_a_rule_on_trial_flags_no_call() -> None:
    trial = alert_fired(alert="a1", shadow=True)
    over = alert_resolved(alert="a1").model_copy(update={"shadow": True})
    assert after(call_started(), trial, over).of("c1", "c1") == Outcome(False, False, False)


@pytest.mark.parametrize("later", [False, True], ids=["joined", "changed"])
def test_a_take_over_counts_from_its_begin_and_from_a_change(later: bool) -> None:
    facts = {"call": "c1", "session": "s1", "supervisor": "Ann", "mode": "takeover"}
    event: Event = SupervisionModeChanged(**facts, previous="whisper", by="key")
    if not later:
        event = supervision_started("c1").model_copy(update={"mode": "takeover"})
    assert after(call_started(), event).of("c1", "c1") == Outcome(False, False, True)


def test_a_call_that_had_begun_before_is_known_only_where_something_happened() -> None:
    known = after(call_started())
    known.found(["c1", "other"])
    assert known.of("c1", "c1") == Outcome(None, None, None)
    after(alert_fired(alert="a1"), to=known)
    assert known.of("c1", "c1") == Outcome(True, False, None)
    after(alert_resolved(alert="a1"), to=known)
    assert known.of("c1", "c1") == Outcome(True, None, None)


def test_an_alert_of_an_earlier_run_flags_its_call() -> None:
    assert after(call_started(), alert_resolved(alert="a0")).of("c1", "c1") == Outcome(True, True, False)


def test_one_linkedid_for_several_calls_means_the_channels_own_call_then_the_newest() -> None:
    known = after(call_started("l1", linkedid="l1"), alert_fired("l1"), call_ended("l1"))
    after(call_started("c2", linkedid="l1"), to=known)
    assert known.of("l1", "l1") == Outcome(True, False, False)
    assert known.of("c2", "l1") == known.of("any", "l1") == Outcome(False, False, False)


def test_a_call_that_nobody_saw_is_not_known() -> None:
    assert after(alert_fired("c9")).of("c9", "c9") is None


def test_an_opt_out_leaves_nothing() -> None:
    known = after(call_started(), alert_fired(), CallEnded(call="c1", mode="off", duration_s=1, reason="opt_out"))
    after(alert_resolved(), to=known)
    assert (known.of("c1", "c1"), len(known)) == (None, 0)


def test_a_call_is_forgotten_an_hour_after_its_end_or_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    known = after(call_started("c1"), call_ended("c1"))
    after(call_started("c2"), call_ended("c2"), to=known, at=NOW + KEEP)
    assert known.of("c1", "c1")
    after(call_started("c3"), call_ended("c3"), to=known, at=NOW + KEEP + timedelta(seconds=1))
    assert known.of("c1", "c1") is None
    monkeypatch.setattr(outcomes, "MOST", 2)
    after(call_started("c4"), call_ended("c4"), to=known, at=NOW + KEEP)
    assert (known.of("c2", "c2"), len(known)) == (None, 2)


def test_a_present_call_is_never_forgotten() -> None:
    known = after(call_started("c1"))
    after(call_started("c2"), call_ended("c2"), to=known, at=NOW + 9 * KEEP)
    assert known.of("c1", "c1")
