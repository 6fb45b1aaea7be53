"""A way retries, gives up, is counted, and never delays another."""

import asyncio
from collections import Counter
from typing import Any

from callguard.contracts.events import Envelope, envelope
from callguard.notify.receiver import ATTEMPTS, LIMIT, Receiver, UndeliverableError
from tests.support.events import alert_fired


class Server:
    """Fails as often as it is told to, then takes everything."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.taken: list[str] = []
        self.tries = 0

    async def __call__(self, sent: Envelope) -> None:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(sent.data["alert"])


def message(alert: str = "a1") -> Envelope:
    return envelope(alert_fired(alert=alert), "n1")


async def deliver(receiver: Any, *alerts: str) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    way = Receiver("webhook:test", receiver, lambda _, outcome: outcomes.update([outcome]), first_wait_s=0.01)
    way.start()
    for alert in alerts:
        way.put(message(alert))
    await way.stop(grace_s=5)
    return outcomes


async def test_messages_go_out_in_order() -> None:
    receiver = Server()

    assert await deliver(receiver, "a1", "a2", "a3") == {"sent": 3}
    assert receiver.taken == ["a1", "a2", "a3"]


async def test_a_failure_is_retried_until_it_works() -> None:
    receiver = Server(ConnectionError(), TimeoutError())

    assert await deliver(receiver, "a1", "a2") == {"sent": 2, "retried": 2}
    assert receiver.taken == ["a1", "a2"]


async def test_after_the_last_try_the_next_message_gets_its_turn() -> None:
    receiver = Server(*[ConnectionError()] * ATTEMPTS)

    assert await deliver(receiver, "a1", "a2") == {"failed": 1, "sent": 1, "retried": ATTEMPTS - 1}
    assert receiver.taken == ["a2"]


async def test_a_refusal_for_good_is_not_retried() -> None:
    receiver = Server(UndeliverableError("HTTP 410"))

    assert await deliver(receiver, "a1", "a2") == {"failed": 1, "sent": 1}


async def test_the_queue_is_bounded_and_the_oldest_goes() -> None:
    outcomes: Counter[str] = Counter()
    receiver = Server()
    way = Receiver("w", receiver, lambda _, outcome: outcomes.update([outcome]))
    for number in range(LIMIT + 5):
        way.put(message(f"a{number}"))
    way.start()
    await way.stop(grace_s=10)

    assert outcomes == {"dropped": 5, "sent": LIMIT}
    assert receiver.taken[0] == "a5"


async def test_what_is_left_at_the_stop_is_counted() -> None:
    async def hangs(_: Envelope) -> None:
        await asyncio.sleep(60)

    outcomes: Counter[str] = Counter()
    way = Receiver("w", hangs, lambda _, outcome: outcomes.update([outcome]))
    way.start()
    way.put(message("a1"))
    way.put(message("a2"))
    await way.stop(grace_s=0.05)

    assert outcomes == {"dropped": 2}


async def test_what_waits_goes_out_by_new_settings() -> None:
    refused, taken = Server(*[ConnectionError()] * 3), Server()
    way = Receiver("webhook:test", refused, lambda *_: None, first_wait_s=0.01)
    way.start()
    way.put(message("a1"))
    way.put(message("a2"))
    await asyncio.sleep(0)
    way.send_as(Receiver("webhook:test", taken, lambda *_: None))
    await way.stop(grace_s=5)

    assert taken.taken == ["a1", "a2"]
