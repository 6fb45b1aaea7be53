"""Events that must outlive this process are in the journal until Redis has them."""

import pytest

from callguard.bus.spool import AUDIT, EVENT, Spool
from callguard.contracts.events import CallEnded, Envelope, Event, NodeStarted, TapOpened, envelope
from callguard.runtime.journal import Journal
from tests.support.events import alert_fired, alert_resolved, call_started, supervision_started


@pytest.fixture
def journal() -> Journal:
    return Journal(None)


def keep(spool: Spool, event: Event, kind: str = EVENT) -> tuple[str | None, Envelope]:
    sent = envelope(event, "n1")
    return spool.keep(kind, sent, sent.to_json()), sent


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (alert_fired(), True),
        (supervision_started(), True),
        (CallEnded(call="c1", mode="off", duration_s=1), True),
        (call_started(), False),
        (TapOpened(call="c1", leg="agent", tap="t", channel="c", path="audiosocket"), False),
        (NodeStarted(node="n1"), False),
    ],
)
def test_decisions_deeds_and_ends_are_kept(journal: Journal, event: Event, kept: bool) -> None:
    key, _ = keep(Spool(journal), event)
    assert (key is not None) is kept
    assert bool(journal.records(EVENT)) is kept


def test_what_was_not_sent_is_there_after_a_restart_in_order_with_the_same_ids(journal: Journal) -> None:
    spool = Spool(journal)
    first, (sent_key, _), third = (keep(spool, alert_fired(alert=f"a{number}")) for number in range(3))
    spool.sent(EVENT, sent_key)
    again = Spool(journal)
    assert again.left(EVENT) == [first, third]
    fourth, _ = keep(again, alert_resolved())
    assert list(journal.records(EVENT)) == [first[0], third[0], fourth], "numbers go on"


def test_stream_and_audit_stream_are_kept_apart(journal: Journal) -> None:
    spool = Spool(journal)
    in_stream, _ = keep(spool, supervision_started())
    in_audit, sent = keep(spool, supervision_started(), AUDIT)
    spool.sent(EVENT, in_stream)
    assert journal.records(EVENT) == {}
    assert Spool(journal).left(AUDIT) == [(in_audit, sent)]


def test_of_a_call_that_opted_out_only_the_audit_entry_stays_also_after_a_restart(journal: Journal) -> None:
    spool = Spool(journal)
    keep(spool, alert_fired("c1"))
    keep(spool, supervision_started("c1"), AUDIT)
    other, _ = keep(spool, alert_fired("c2"))
    again = Spool(journal)
    again.left(EVENT)
    again.forget("c1")
    assert list(journal.records(EVENT)) == [other]
    assert len(journal.records(AUDIT)) == 1


def test_what_another_version_left_is_dropped(journal: Journal) -> None:
    journal.stage(EVENT, "000000000000001", '{"version": 99}')
    assert Spool(journal).left(EVENT) == []
    assert journal.records(EVENT) == {}
