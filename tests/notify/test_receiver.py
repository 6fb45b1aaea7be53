"""A receiver is tried for hours, gets each alert's messages in order, survives a restart, and delays no other."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callguard.contracts.events import Envelope, envelope
from callguard.notify import receiver as module
from callguard.notify.receiver import Receiver, RefusedError, UndeliverableError
from callguard.runtime.journal import Journal
from tests.support.events import alert_fired, alert_resolved

HOUR_S = 3600.0


class Server:
    """Fails as often as it is told to, then takes everything; always fails for the alerts in `poison`."""

    def __init__(self, *failures: Exception, poison: tuple[str, ...] = ()) -> None:
        self.failures = list(failures)
        self.poison = poison
        self.taken: list[str] = []
        self.got: list[Envelope] = []

    async def __call__(self, sent: Envelope) -> None:
        self.got.append(sent)
        if self.failures:
            raise self.failures.pop(0)
        if sent.data["alert"] in self.poison:
            raise RefusedError("HTTP 500")
        self.taken.append(f"{sent.data['alert']} {sent.type.split('.')[3]}")


def fired(alert: str = "a1", call: str = "c1") -> Envelope:
    return envelope(alert_fired(call, alert), "n1")


def resolved(alert: str = "a1", call: str = "c1") -> Envelope:
    return envelope(alert_resolved(call, alert), "n1")


class Bench:
    """Receivers with a journal and a tally."""

    def __init__(self, path: Path | None = None) -> None:
        self.journal = Journal(path)
        self.outcomes: Counter[str] = Counter()

    def receiver(self, server: Server, *, repeat_s: float = 0.0, give_up_s: float = 24 * HOUR_S) -> Receiver:
        def count(_: str, outcome: str) -> None:
            self.outcomes[outcome] += 1

        return Receiver(
            "webhook:test", server, count, self.journal, repeat_s=repeat_s, give_up_s=give_up_s, first_wait_s=0.01
        )

    async def deliver(self, server: Server, *sent: Envelope, grace_s: float = 5.0, give_up_s: float = HOUR_S) -> None:
        receiver = self.receiver(server, give_up_s=give_up_s)
        receiver.start()
        for each in sent:
            receiver.put(each)
        await receiver.stop(grace_s)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_messages_go_out_in_order(bench: Bench) -> None:
    server = Server()
    await bench.deliver(server, fired("a1"), fired("a2"), resolved("a1"))
    assert server.taken == ["a1 fired", "a2 fired", "a1 resolved"]
    assert bench.outcomes == {"sent": 3}


async def test_a_failure_is_tried_again_until_it_works_and_every_try_carries_the_same_id(bench: Bench) -> None:
    server = Server(*[ConnectionError()] * 6)
    await bench.deliver(server, fired(), resolved())
    assert server.taken == ["a1 fired", "a1 resolved"]
    assert len({each.id for each in server.got[:7]}) == 1
    assert bench.outcomes == {"sent": 2, "retried": 6}


async def test_a_message_that_alone_fails_delays_no_other(bench: Bench) -> None:
    server = Server(poison=("a1",))
    await bench.deliver(server, fired("a1"), *(fired(f"b{number}") for number in range(50)), grace_s=0.5)
    assert len(server.taken) == 50


async def test_a_receiver_that_takes_nothing_is_tried_ever_more_rarely_however_much_waits(bench: Bench) -> None:
    server = Server(*[ConnectionError()] * 1000)
    receiver = bench.receiver(server)
    receiver.start()
    for number in range(50):
        receiver.put(fired(f"b{number}"))
    await asyncio.sleep(0.5)
    await receiver.stop(0.01)
    assert 3 <= len(server.got) <= 12


async def test_a_message_that_alone_fails_is_tried_ever_more_rarely_although_others_are_taken(bench: Bench) -> None:
    server = Server(poison=("a1",))
    receiver = bench.receiver(server)
    receiver.start()
    receiver.put(fired("a1"))
    for number in range(100):
        receiver.put(fired(f"b{number}"))
        await asyncio.sleep(0.006)
    await receiver.stop(0.01)
    tries = [sent for sent in server.got if sent.data["alert"] == "a1"]
    assert 3 <= len(tries) <= 12
    assert len(server.taken) == 100


async def test_after_the_time_to_give_up_the_loss_is_told_and_what_follows_is_not_sent(bench: Bench) -> None:
    server = Server(*[RefusedError("HTTP 503")] * 2)
    with capture_logs() as said:
        await bench.deliver(server, fired(), resolved(), give_up_s=0.0)
    assert server.taken == []
    assert bench.outcomes == {"failed": 1}
    (lost,) = [line for line in said if line["event"] == "alert_not_delivered"]
    assert (lost["receiver"], lost["reason"]) == ("webhook:test", "HTTP 503")


async def test_an_end_is_not_sent_to_who_refused_the_beginning_for_good(bench: Bench) -> None:
    server = Server(UndeliverableError("HTTP 410"))
    receiver = bench.receiver(server)
    receiver.start()
    receiver.put(fired())
    await asyncio.sleep(0.05)
    receiver.put(resolved())
    receiver.put(resolved("never fired"))
    receiver.put(fired("a2"))
    await receiver.stop()
    assert server.taken == ["a2 fired"]
    assert bench.outcomes == {"failed": 1, "sent": 1}


async def test_what_waits_and_what_was_taken_survive_a_kill(tmp_path: Path) -> None:
    """The first run is never stopped: it is gone between two tries."""
    path = tmp_path / "n1.journal"
    first, refused = Bench(path), Server()
    killed = first.receiver(refused)
    killed.start()
    killed.put(fired("a0"))
    await asyncio.sleep(0.05)
    refused.failures = [ConnectionError()] * 1000
    killed.put(fired("a1"))
    killed.put(resolved("a1"))
    await asyncio.sleep(0.05)
    assert killed._task
    killed._task.cancel()
    first.journal._drop()

    second, server = Bench(path), Server()
    await second.deliver(server, resolved("a0"))
    assert server.taken == ["a1 fired", "a1 resolved", "a0 resolved"]
    assert server.got[0].id == refused.got[-1].id
    assert second.journal.records("owed") == second.journal.records("taken") == {}


async def test_nothing_is_sent_before_the_disk_has_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    commit = bench.journal.commit

    def committed() -> bool:
        order.append("committed" if bench.journal._staged else "nothing to commit")
        return commit()

    class Noting(Server):
        async def __call__(self, sent: Envelope) -> None:
            order.append("sent")

    monkeypatch.setattr(bench.journal, "commit", committed)
    await bench.deliver(Noting(), fired())
    assert order[:2] == ["committed", "sent"]


async def test_an_open_alert_is_repeated_until_somebody_answers(bench: Bench) -> None:
    server = Server()
    receiver = bench.receiver(server, repeat_s=0.1)
    receiver.start()
    receiver.put(fired())
    await asyncio.sleep(0.35)
    assert 3 <= len(server.taken) <= 4
    assert len({each.id for each in server.got}) == 1
    receiver.answered("a1")
    before = len(server.taken)
    await asyncio.sleep(0.25)
    receiver.put(resolved())
    await receiver.stop()
    assert server.taken[before:] == ["a1 resolved"]


async def test_a_resolved_alert_is_not_repeated(bench: Bench) -> None:
    server = Server()
    receiver = bench.receiver(server, repeat_s=0.05)
    receiver.start()
    receiver.put(fired())
    receiver.put(resolved())
    await asyncio.sleep(0.2)
    await receiver.stop()
    assert server.taken == ["a1 fired", "a1 resolved"]


async def test_an_alert_that_was_answered_before_it_could_be_sent_is_sent_once(bench: Bench) -> None:
    server = Server(ConnectionError())
    receiver = bench.receiver(server, repeat_s=0.05)
    receiver.start()
    receiver.put(fired())
    receiver.answered("a1")
    await asyncio.sleep(0.3)
    await receiver.stop()
    assert server.taken == ["a1 fired"]


async def test_what_is_left_at_the_stop_waits_in_the_journal(bench: Bench) -> None:
    server = Server(*[ConnectionError()] * 1000)
    await bench.deliver(server, fired("a1"), fired("a2"), grace_s=0.05)
    assert "dropped" not in bench.outcomes
    assert len(bench.journal.records("owed")) == 2


async def test_a_receiver_that_is_removed_drops_what_is_left_and_counts_it(bench: Bench) -> None:
    receiver = bench.receiver(Server(*[ConnectionError()] * 1000))
    receiver.start()
    receiver.put(fired("a1"))
    receiver.put(resolved("a1"))
    await receiver.remove(0.05)
    assert bench.outcomes["dropped"] == 2
    assert bench.journal.records("owed") == {}


async def test_what_waits_goes_out_by_new_settings_at_once(bench: Bench) -> None:
    refused, taken = Server(*[ConnectionError()] * 30), Server()
    receiver = bench.receiver(refused)
    receiver.start()
    receiver.put(fired())
    receiver.put(resolved())
    await asyncio.sleep(0.1)
    receiver.send_as(bench.receiver(taken))
    await receiver.stop(grace_s=5)
    assert taken.taken == ["a1 fired", "a1 resolved"]


async def test_of_beats_only_the_newest_waits_and_none_is_journalled_or_repeated(bench: Bench) -> None:
    server = Server(ConnectionError(), ConnectionError())
    receiver = bench.receiver(server, repeat_s=0.02)
    receiver.start()
    receiver.beat(fired("watchdog"))
    await asyncio.sleep(0)
    newest = fired("watchdog")
    receiver.beat(newest)
    assert bench.journal.records("owed") == {}
    await asyncio.sleep(0.2)
    await receiver.stop()
    assert server.taken == ["watchdog fired"]
    assert server.got[-1].id == newest.id


async def test_a_call_that_opts_out_is_told_of_no_more_and_nothing_of_it_is_kept(bench: Bench) -> None:
    server = Server()
    receiver = bench.receiver(server, repeat_s=0.05)
    receiver.start()
    receiver.put(fired("a1", "c1"))
    await asyncio.sleep(0.02)
    server.failures = [ConnectionError()]
    receiver.put(fired("a2", "c1"))
    receiver.forget("c1")
    for alert in ("a1", "a2"):
        receiver.put(resolved(alert, "c1"))
    assert "evidence" not in "".join(bench.journal.records("taken").values())
    await asyncio.sleep(0.1)
    await receiver.stop()
    assert server.taken == ["a1 fired", "a1 resolved"]
    assert bench.journal.records("taken") == {}


async def test_that_it_fails_for_longer_than_a_moment_is_trouble_until_it_takes_a_message(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(*[RefusedError("HTTP 503")] * 3)
    receiver = bench.receiver(server)
    receiver.start()
    receiver.put(fired())
    await asyncio.sleep(0.005)
    assert receiver.trouble() is None
    monkeypatch.setattr(module, "MOMENT_S", 0.0)
    assert receiver.trouble() == "webhook:test has taken nothing for 0 s, 1 messages wait: HTTP 503"
    await receiver.stop()
    monkeypatch.undo()
    assert receiver.trouble() is None


async def test_a_message_that_was_given_up_is_trouble_until_it_takes_another(bench: Bench) -> None:
    server = Server(UndeliverableError("HTTP 410"))
    receiver = bench.receiver(server)
    receiver.start()
    receiver.put(fired("a1"))
    await asyncio.sleep(0.05)
    assert receiver.trouble() == "webhook:test did not get 1 messages: HTTP 410"
    receiver.put(fired("a2"))
    await receiver.stop()
    assert receiver.trouble() is None
