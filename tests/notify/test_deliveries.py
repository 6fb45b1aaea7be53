"""What a receiver is owed, by alert, in order, within bounds."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.contracts.events import Envelope, envelope
from callguard.notify import deliveries as module
from callguard.notify.deliveries import OWED, TAKEN, Deliveries, drop_others
from callguard.runtime.journal import Journal
from tests.support.events import alert_fired, alert_resolved

NOW = 100.0
WALL = 2e9


def fired(alert: str) -> Envelope:
    return envelope(alert_fired("c1", alert), "n1")


def resolved(alert: str) -> Envelope:
    return envelope(alert_resolved("c1", alert), "n1")


@pytest.fixture
def journal() -> Journal:
    return Journal(None)


def take(owed: Deliveries, now: float = NOW) -> str:
    """Have the next message delivered; return its alert."""
    delivery = owed.next()
    assert delivery is not None
    owed.delivered(delivery, WALL, now)
    return delivery.alert


def test_beyond_the_limit_the_oldest_alert_goes(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 3)
    owed = Deliveries("webhook:x", journal, 0.0, 1.0)
    dropped = [owed.add(each, WALL) for each in (fired("a1"), resolved("a1"), fired("a2"), fired("a3"))]
    assert dropped == [0, 0, 0, 2]
    assert len(owed) == len(journal.records(OWED)) == 2


def test_receivers_share_a_journal_and_read_their_own_part(journal: Journal) -> None:
    Deliveries("webhook:x", journal, 0.0, 1.0).add(fired("a1"), WALL)
    Deliveries("webhook:y", journal, 0.0, 1.0).add(fired("a2"), WALL)
    owed = Deliveries("webhook:y", journal, 0.0, 1.0)
    owed.restore(WALL, NOW)
    assert (len(owed), take(owed)) == (1, "a2")


def test_numbers_go_on_after_a_restart(journal: Journal) -> None:
    Deliveries("webhook:x", journal, 0.0, 1.0).add(fired("a1"), WALL)
    owed = Deliveries("webhook:x", journal, 0.0, 1.0)
    owed.restore(WALL, NOW)
    owed.add(fired("a2"), WALL)
    assert len(journal.records(OWED)) == 2


def test_a_repeat_is_due_an_interval_after_it_was_taken_also_over_a_restart(journal: Journal) -> None:
    owed = Deliveries("webhook:x", journal, 300.0, 1.0)
    owed.add(fired("a1"), WALL)
    take(owed)
    repeat = owed.next()
    assert repeat is not None
    assert repeat.due == NOW + 300
    again = Deliveries("webhook:x", journal, 300.0, 1.0)
    again.restore(WALL + 200, NOW)
    later = again.next()
    assert later is not None
    assert later.due == NOW + 100


def test_a_repeat_that_fails_is_never_given_up_and_waits(journal: Journal) -> None:
    owed = Deliveries("webhook:x", journal, 300.0, 1.0)
    owed.add(fired("a1"), WALL)
    take(owed)
    repeat = owed.next()
    assert repeat is not None
    assert not owed.failed(repeat, WALL + 1e6, NOW + 60)
    assert repeat.due == NOW + 60
    owed.give_up(repeat, NOW)
    assert repeat.due == NOW + 300
    assert len(journal.records(TAKEN)) == 1


def test_what_was_forgotten_while_it_was_under_way_leaves_nothing(journal: Journal) -> None:
    owed = Deliveries("webhook:x", journal, 300.0, 1.0)
    owed.add(fired("a1"), WALL)
    under_way = owed.next()
    assert under_way is not None
    owed.forget("c1")
    owed.delivered(under_way, WALL, NOW)
    owed.failed(under_way, WALL, NOW)
    owed.give_up(under_way, NOW)
    assert owed.next() is None
    assert journal.records(OWED) == journal.records(TAKEN) == {}


def test_records_of_another_version_are_left_out(journal: Journal) -> None:
    journal.stage(OWED, "webhook:x|000000000001", '{"version": 99}')
    owed = Deliveries("webhook:x", journal, 0.0, 1.0)
    owed.restore(WALL, NOW)
    assert len(owed) == 0


def test_what_is_owed_to_receivers_that_are_gone_is_deleted_and_counted(journal: Journal) -> None:
    for name in ("webhook:gone", "webhook:here"):
        owed = Deliveries(name, journal, 300.0, 1.0)
        for alert in ("a1", "a2", "a3"):
            owed.add(fired(alert), WALL)
        take(owed)
    assert drop_others(journal, {"webhook:here"}) == {"webhook:gone": 2}
    kept = [key.rpartition("|")[0] for kind in (OWED, TAKEN) for key in journal.records(kind)]
    assert kept == ["webhook:here"] * 3
    assert drop_others(journal, {"webhook:here"}) == {}


def test_an_earlier_time_goes_first_and_then_what_was_asked_for_first(journal: Journal) -> None:
    owed = Deliveries("webhook:x", journal, 300.0, 1.0)
    for alert, wall in (("a1", WALL + 1), ("a2", WALL), ("a3", WALL)):
        owed.add(fired(alert), wall)
    assert take(owed) == "a2"
    late = owed.next()
    assert late is not None
    owed.failed(late, WALL, NOW + 5)
    assert [take(owed), take(owed), take(owed, NOW + 300)] == ["a1", "a3", "a2"]


def test_repeats_begin_and_end_with_the_setting(journal: Journal) -> None:
    owed = Deliveries("webhook:x", journal, 0.0, 1.0)
    owed.add(fired("a1"), WALL)
    take(owed)
    assert owed.next() is None
    owed.keep_to(300.0, 1.0)
    assert take(owed) == "a1"
    owed.keep_to(0.0, 1.0)
    assert owed.next() is None


def test_an_alert_is_repeated_although_its_end_was_given_up_before(journal: Journal) -> None:
    owed = Deliveries("webhook:x", journal, 300.0, 1.0)
    owed.add(fired("a1"), WALL)
    take(owed)
    owed.add(fired("a1"), WALL)
    again = owed.next()
    assert again is not None
    assert owed.failed(again, WALL + 2, NOW)
    owed.give_up(again, NOW)
    assert (len(owed), take(owed, NOW + 300)) == (0, "a1")


def cost(work: Callable[[], object]) -> int:
    """Count the Python and C functions that it calls."""
    calls = 0

    def profile(_frame: object, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_a_delivery_costs_the_same_however_many_wait() -> None:
    def waiting(alerts: int) -> Deliveries:
        owed = Deliveries("webhook:x", Journal(None), 300.0, 1.0)
        for number in range(alerts):
            owed.add(fired(f"a{number}"), WALL + number)
        take(owed)
        return owed

    few, many = waiting(20), waiting(400)
    assert cost(lambda: take(many)) < 2 * cost(lambda: take(few))


def test_notes_that_lapsed_do_not_pile_up(journal: Journal) -> None:
    owed = Deliveries("webhook:x", journal, 1e6, 1e9)
    owed.add(fired("open"), WALL)
    take(owed)
    for _ in range(1000):
        owed.replace(fired("open"), WALL)
        take(owed)
    assert len(owed._agenda) < 100


steps = st.lists(
    st.tuples(
        st.sampled_from(["fire", "end", "replace", "take", "fail", "give_up", "answer", "forget", "once", "repeat"]),
        st.integers(0, 3),
    ),
    max_size=40,
)


def act(owed: Deliveries, step: str, which: int, number: int) -> None:
    alert, now, first = f"a{which}", NOW + number, owed.next()
    match step:
        case "fire":
            owed.add(fired(alert), WALL + number)
        case "end":
            owed.add(resolved(alert), WALL + number)
        case "replace":
            owed.replace(fired(alert), WALL + number)
        case "answer":
            owed.answered(alert)
        case "forget":
            owed.forget("c1")
        case "once" | "repeat":
            owed.keep_to(0.0 if step == "once" else 300.0, 1.0)
        case "take" if first:
            owed.delivered(first, WALL + number, now)
        case "fail" if first:
            owed.failed(first, WALL + number, now + which)
        case "give_up" if first:
            owed.give_up(first, now)


@given(steps)
def test_the_first_to_come_is_found_whatever_happened_before(steps: list[tuple[str, int]]) -> None:
    owed = Deliveries("webhook:x", Journal(None), 300.0, 1.0)
    for number, (step, which) in enumerate(steps):
        act(owed, step, which, number)
        repeats = [each for alert, each in owed._taken.items() if alert not in owed._owed and not each.answered]
        coming = [queue[0] for queue in owed._owed.values()] + (repeats if owed.repeat_s else [])
        due = min(((each.due, each.at) for each in coming), default=None)
        found = owed.next()
        assert (found and (found.due, found.at)) == due
        assert len(owed) == sum(map(len, owed._owed.values()))
