"""What is known of a channel, and what Local halves tell on its behalf."""

from typing import Any

import pytest

from callguard.asterisk.discovery.calls import QueueConnected
from callguard.asterisk.discovery.party import Behind, Party, Queued, applications, key_of, lend, queue_in, runs
from callguard.asterisk.events import Channel


def party(name: str = "PJSIP/201-1", app: str = "", data: str = "", **facts: Any) -> Party:
    made = Party(Channel(name, name, app=app, app_data=data), "")
    for key, value in facts.items():
        setattr(made, key, value)
    return made


FIRST, SECOND = "Local/201@from-queue-0001;1", "Local/201@from-queue-0001;2"


def test_a_queue_is_named_by_the_first_argument_and_compared_without_case() -> None:
    assert [queue_in(data) for data in ("Support,tT,,,30", " a ", "")] == ["Support", "a", ""]
    assert key_of("Support") == key_of("SUPPORT")


def test_who_runs_a_queue_of_their_own_has_moved_on_from_the_lent_one() -> None:
    moved = party(app="Queue", data="sales", lent=("Queue", "support"))
    assert applications(moved) == [("Queue", "sales")]
    lent = party(app="AppDial", lent=("Queue", "support"))
    assert (runs(lent, "Queue"), runs(lent, "AppDial"), runs(lent, "Dial")) == (True, True, False)


@pytest.mark.parametrize(
    ("called", "app", "picked_up"),
    [(True, "AppQueue", True), (True, "AppDial", True), (False, "AppQueue", False), (True, "AgentLogin", False)],
)
def test_who_called_and_is_a_dialled_channel_has_picked_up_a_call(called: bool, app: str, picked_up: bool) -> None:
    assert party(app=app, called=called).picked_up is picked_up


def test_a_first_half_lends_its_application_and_a_second_half_only_its_queue() -> None:
    far = party()
    lend(party(SECOND, "Dial", "PJSIP/1"), party(FIRST, "AppQueue"), far)
    assert (far.lent, far.queue) == (None, None)
    lend(party(SECOND, "Queue", "sales", queue=Queued("sales", 4)), party(FIRST), far)
    assert (far.lent, far.queue, far.outer) == (("Queue", "sales"), Queued("sales", 4), "")
    lend(party(FIRST, "AppDial"), party(SECOND, "Dial", "PJSIP/1,60"), far)
    assert far.lent == ("AppDial", "")
    assert far.behind[FIRST] == Behind("Local/201@from-queue", "PJSIP/1,60")


def test_of_two_queues_the_newer_counts_and_the_outer_one_is_kept_where_both_are_waited_in() -> None:
    waits = party(queue=Queued("outer", 2))
    lend(party(SECOND, "Queue", "old", queue=Queued("old", 1)), party(FIRST, "AppQueue"), waits)
    assert (waits.queue, waits.outer) == (Queued("outer", 2), "")
    lend(party(SECOND, "Queue", "inner", queue=Queued("inner", 3)), party(FIRST, "AppQueue"), waits)
    assert (waits.queue, waits.outer) == (Queued("inner", 3), "outer")
    lend(party(SECOND, "Queue", "next", queue=Queued("next", 4)), party(FIRST, ""), waits)
    assert (waits.queue, waits.outer) == (Queued("next", 4), "")


@pytest.mark.parametrize(
    ("own", "half", "holds"),
    [("", "", ""), ("", "emotion", "emotion"), ("on", "emotion", "on"), ("on", "off", "off"), ("off", "on", "off")],
)
def test_an_off_of_a_half_holds_and_any_other_setting_yields_to_the_partys_own(own: str, half: str, holds: str) -> None:
    far = party(setting=own)
    lend(party(FIRST, setting=half), party(SECOND), far)
    assert far.setting == holds


def test_a_role_and_the_newest_message_of_each_queue_are_lent() -> None:
    def said(at: float, queue: str) -> dict[str, QueueConnected]:
        return {queue: QueueConnected(at, "l1", queue, f"member at {at:g}", "PJSIP/201", 1.0)}

    far = party(connects=said(5.0, "a"))
    lend(party(FIRST, role_variable="customer", connects=said(4.0, "a") | said(6.0, "b")), party(SECOND), far)
    assert (far.role_variable, far.connects["a"].at, far.connects["b"].at) == ("customer", 5.0, 6.0)
    lend(party(FIRST, role_variable="agent", connects=said(7.0, "a")), party(SECOND), far)
    assert (far.role_variable, far.connects["a"].at) == ("customer", 7.0)
