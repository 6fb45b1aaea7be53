"""One receiver: its messages are tried until it takes them, for hours if need be, and delay no other receiver."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from callguard.contracts.events import Envelope
from callguard.notify.deliveries import Deliveries, Delivery
from callguard.runtime.journal import Journal
from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 60.0
_DOUBLINGS: Final = 10
"""More doublings than there are from the first wait to the longest."""
MOMENT_S: Final = 60.0
"""Seconds of failure before a receiver is reported: a short one is a restart, or load."""
EARLY_S: Final = 0.001
"""Seconds by which a timer may go off early."""
DAY_S: Final = 86_400.0

Send = Callable[[Envelope], Awaitable[None]]
Count = Callable[[str, str], None]
"""Called with the receiver's name and an outcome: sent, retried, failed, dropped."""


class RefusedError(Exception):
    """The receiver did not take a message this time. The text is our own: it holds no secret."""


class UndeliverableError(RefusedError):
    """The receiver refuses this message for good; trying again is no use."""


class Receiver:
    """Delivers messages by `send`, one at a time, and each alert's messages in order.

    A message that fails waits 0.5 s to 60 s, longer each time, and so does the receiver while every message fails. A
    single message that fails delays the others by little.

    Args:
        name: as rules use it.
        send: raises UndeliverableError to give up, anything else to be tried again.
        count: called with each outcome.
        journal: keeps the messages that wait.
        repeat_s: seconds after which an open alert that nobody answered is sent again; 0: never.
        give_up_s: seconds for which a message is tried.
    """

    def __init__(
        self,
        name: str,
        send: Send,
        count: Count,
        journal: Journal,
        *,
        repeat_s: float = 0.0,
        give_up_s: float = DAY_S,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        self.name = name
        self._failing_since: float | None = None
        """Monotonic time of its first failure, in seconds; None: the last try worked."""
        self._reason = ""
        self._lost = 0
        """Messages given up since the last one that it took."""
        self._send = send
        self._count = count
        self._journal = journal
        self._first_wait_s = first_wait_s
        self._owed = Deliveries(name, journal, repeat_s, give_up_s)
        self._failures = 0
        self._quiet_until = 0.0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Number of messages that wait."""
        return len(self._owed)

    def trouble(self) -> str | None:
        """Return the error, if it fails for longer than MOMENT_S or a message was given up; else None."""
        if self._lost:
            return f"{self.name} did not get {self._lost} messages: {self._reason}"
        failed_s = 0.0 if self._failing_since is None else time.monotonic() - self._failing_since
        if failed_s < MOMENT_S:
            return None
        return f"{self.name} has taken nothing for {failed_s:.0f} s, {self.waiting} messages wait: {self._reason}"

    def put(self, envelope: Envelope) -> None:
        """Deliver as soon as possible. Never blocks."""
        dropped = self._owed.add(envelope, time.time())
        if dropped:
            log.error("receiver_full", receiver=self.name, dropped=dropped)
        for _ in range(dropped):
            self._count(self.name, "dropped")
        self._news()

    def beat(self, envelope: Envelope) -> None:
        """Deliver a message that replaces the waiting one of its alert."""
        self._owed.replace(envelope, time.time())
        self._news()

    def answered(self, alert: str) -> None:
        """Stop repeating an alert: a supervisor owns it."""
        self._owed.answered(alert)

    def forget(self, call: str) -> None:
        """Send no more inferred facts about a call: a party opted out."""
        self._owed.forget(call)

    def send_as(self, other: "Receiver") -> None:
        """Deliver by another receiver's settings from now on, waiting messages included."""
        self._send = other._send
        self._owed.keep_to(other._owed.repeat_s, other._owed.give_up_s)
        self._failures, self._quiet_until = 0, 0.0
        self._news()

    def start(self) -> None:
        """Begin to deliver, first the messages that an earlier run left."""
        self._owed.restore(time.time(), time.monotonic())
        self._task = asyncio.create_task(self._run(), name=f"receiver {self.name}")

    async def stop(self, grace_s: float = 2.0) -> None:
        """Deliver waiting messages for up to `grace_s` seconds, then stop; the journal keeps the rest."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        await end(self._task)
        self._task = None

    async def remove(self, grace_s: float = 2.0) -> None:
        """Stop for good; drop and count the waiting messages."""
        await self.stop(grace_s)
        for _ in range(self._owed.clear()):
            self._count(self.name, "dropped")
        self._journal.commit()

    def _news(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            if not self.waiting:
                self._idle.set()
            delivery = self._owed.next()
            wait_s = max(delivery.due, self._quiet_until) - time.monotonic() if delivery else None
            if delivery and wait_s is not None and wait_s < EARLY_S:
                await self._attempt(delivery)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _attempt(self, delivery: Delivery) -> None:
        self._journal.commit()
        try:
            await self._send(delivery.envelope)
        except UndeliverableError as error:
            self._give_up(delivery, str(error))
        except Exception as error:  # noqa: BLE001 - no error of one message may keep the next from its turn
            self._failed(delivery, error)
        else:
            self._taken(delivery)
        self._journal.commit()

    def _taken(self, delivery: Delivery) -> None:
        if self._failing_since is not None:
            log.info("receiver_takes", receiver=self.name, failed_s=round(time.monotonic() - self._failing_since))
        self._failures, self._quiet_until, self._failing_since, self._lost = 0, 0.0, None, 0
        self._owed.delivered(delivery, time.time(), time.monotonic())
        self._count(self.name, "sent")

    def _failed(self, delivery: Delivery, error: Exception) -> None:
        now = time.monotonic()
        self._reason = reason_of(error)
        if self._failing_since is None:
            self._failing_since = now
            log.warning("receiver_fails", receiver=self.name, reason=self._reason, waiting=self.waiting)
        self._failures += 1
        delivery.tries += 1
        pause_s = self._pause_s(self._failures)
        self._quiet_until = now + pause_s
        due = now + (pause_s if delivery.tries == self._failures else self._pause_s(delivery.tries))
        if self._owed.failed(delivery, time.time(), due):
            self._give_up(delivery, reason_of(error))
        else:
            self._count(self.name, "retried")

    def _give_up(self, delivery: Delivery, reason: str) -> None:
        self._owed.give_up(delivery, time.monotonic())
        self._lost, self._reason = self._lost + 1, reason
        self._count(self.name, "failed")
        log.error("alert_not_delivered", receiver=self.name, event_id=delivery.envelope.id, reason=reason)

    def _pause_s(self, failures: int) -> float:
        longest = self._first_wait_s * 2.0 ** min(failures - 1, _DOUBLINGS)
        return min(longest, LONGEST_WAIT_S) * random.uniform(0.5, 1.0)


def reason_of(error: Exception) -> str:
    """Return why a message was not taken, without a foreign error's text: it may hold a URL, which is a secret."""
    return str(error) if isinstance(error, RefusedError) else type(error).__name__
