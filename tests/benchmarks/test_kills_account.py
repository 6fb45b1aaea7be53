"""The account names every alert that was lost, sent too late, or told with two identifiers."""

from typing import Any

import pytest

from benchmarks.kills_account import account, rules_by_line

DUE = {"PJSIP/customer0": {"Loud"}}


def event(kind: str, call: str = "1.1", identifier: str = "", **data: Any) -> dict[str, Any]:
    return {"type": f"io.callguard.{kind}.v1", "subject": call, "id": identifier or f"{kind} {data}", "data": data}


STARTED = event("call.started", customer_channel="PJSIP/customer0-00000001")
FIRED = event("alert.fired", alert="a1", rule="Loud")
RUNG = event("supervision.requested", alert="a1")
RESOLVED = event("alert.resolved", alert="a1")
EVENTS = [STARTED, FIRED, RUNG, RESOLVED]
POSTS = [FIRED, RESOLVED]


def test_a_run_in_which_nothing_is_lost_is_right() -> None:
    told = account([*EVENTS, STARTED], [FIRED, *POSTS], DUE, 1)
    assert told.wrong == told.unrung == []
    assert (told.calls, told.due, told.fired, told.sent, told.rung, told.doubles) == (1, 1, 1, 1, 1, 1)


def test_a_call_for_which_nobody_was_rung_is_counted_apart() -> None:
    told = account([STARTED, FIRED, RESOLVED], POSTS, DUE, 1)
    assert (told.wrong, told.unrung) == ([], ["1.1"])


@pytest.mark.parametrize(
    ("events", "posts", "wrong"),
    [
        ([STARTED], [], ["never fired: Loud in 1.1"]),
        (EVENTS, [RESOLVED], ["fired and not sent: a1", "resolved before fired: a1"]),
        (EVENTS, [RESOLVED, FIRED], ["resolved before fired: a1"]),
        ([STARTED, RUNG, FIRED], [FIRED], ["fired and never resolved: a1"]),
        (EVENTS, [*POSTS, {**FIRED, "id": "another"}], ["two identifiers: io.callguard.alert.fired.v1 a1"]),
        (EVENTS, [*POSTS, event("alert.fired", alert="a2")], ["sent and not in the stream: a2"]),
    ],
)
def test_what_is_wrong_is_named(events: list[Any], posts: list[Any], wrong: list[str]) -> None:
    assert account(events, posts, DUE, 1).wrong == wrong


def test_a_call_that_nobody_saw_is_named() -> None:
    assert account(EVENTS, POSTS, DUE, 2).wrong == ["2 calls were played, 1 were seen"]


def test_a_dry_run_says_which_rules_fire_on_each_line() -> None:
    other = event("call.started", "2.2", customer_channel="PJSIP/customer1-00000002")
    assert rules_by_line([STARTED, other, FIRED]) == {"PJSIP/customer0": {"Loud"}}
