"""What was due is held against what was published and what the receiver took."""

from dataclasses import replace

import pytest

from benchmarks.chaos_alerts import ABLE_S, UP_S, Alerts, Key, Post, account, due
from benchmarks.chaos_records import CallRecord, Outage

CALL = CallRecord(
    line=1, id="1.1", joining="nobody", began=100.0, ended=130.0, dropped=None, asked_at=None, took_over_at=None,
    apart=None, private=None, recordings=(),
)  # fmt: skip
DRY = {1: {"Loud": 6.0}}
LOUD = Key("1.1", "Loud")
FIRED, RESOLVED = Post("a1", LOUD, "fired", True), Post("a1", LOUD, "resolved", True)


def told(*posts: Post, fired: dict[str, Key] | None = None, outages: tuple[Outage, ...] = ()) -> Alerts:
    return account([CALL], DRY, outages, posts, {"a1": LOUD} if fired is None else fired, ["a1"])


def clean(alerts: Alerts) -> bool:
    return not (alerts.lost or alerts.doubled or alerts.unannounced or alerts.unresolved)


def test_an_alert_that_was_sent_and_resolved_is_well() -> None:
    alerts = told(FIRED, RESOLVED)
    assert clean(alerts)
    assert (alerts.due, alerts.fired, alerts.sent, alerts.rung, alerts.repeats) == (1, 1, 1, 1, 0)


def test_an_alert_that_never_arose_is_lost() -> None:
    assert told(fired={}).lost == ["Loud of 1.1 never arose"]


def test_an_alert_that_was_published_and_not_taken_is_lost_also_where_none_was_due() -> None:
    refused = replace(FIRED, taken=False)
    assert told(refused).lost == ["Loud of 1.1 (a1) never sent"]
    away = Outage("service_killed", "service", 100.0, 130.0)
    assert told(refused, outages=(away,)).lost == ["Loud of 1.1 (a1) never sent"]


def test_an_alert_that_was_sent_though_its_event_is_gone_is_not_lost() -> None:
    assert told(FIRED, RESOLVED, fired={}).lost == []


def test_doubles_of_the_same_id_are_counted_and_are_no_fault() -> None:
    alerts = told(FIRED, FIRED, RESOLVED)
    assert clean(alerts)
    assert alerts.repeats == 1


def test_two_ids_for_one_outburst_are_a_fault() -> None:
    again = Post("a2", LOUD, "fired", True)
    alerts = told(FIRED, RESOLVED, again, replace(again, verb="resolved"))
    assert alerts.doubled == ["Loud of 1.1: 2 ids"]


def test_an_end_without_a_begin_and_a_begin_without_an_end_are_faults() -> None:
    assert told(RESOLVED).unannounced == ["a1"]
    assert told(FIRED).unresolved == ["a1"]


@pytest.mark.parametrize(
    ("outages", "is_due"),
    [
        ((), True),
        ((Outage("service_stopped", "service", 106.0, 130.0 - ABLE_S - UP_S),), True),
        ((Outage("service_stopped", "service", 106.0, 130.5 - ABLE_S - UP_S),), False),
        ((Outage("worker_killed", "worker", 112.0, 112.0), Outage("ari_500", "ari", 120.0, 121.0)), False),
        ((Outage("valkey_killed", "valkey", 100.0, 130.0), Outage("receiver_503", "receiver", 100.0, 130.0)), True),
    ],
)
def test_an_alert_is_due_where_there_was_time_enough_in_fair_weather(outages: tuple[Outage, ...], is_due: bool) -> None:
    assert due([CALL], DRY, outages) == ({LOUD} if is_due else set())


def test_a_call_that_ends_before_the_voice_rises_is_due_nothing() -> None:
    assert due([replace(CALL, ended=110.0)], DRY, ()) == set()
