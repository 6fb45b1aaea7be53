"""What a receiver is owed, by alert, in order, within bounds."""

import pytest

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
