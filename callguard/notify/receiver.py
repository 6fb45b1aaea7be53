"""One way out: its own queue, its own retries, counted; a way that fails delays nobody but itself."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_not_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from callguard.contracts.events import Envelope
from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

LIMIT: Final = 1000
"""Messages that wait in one way; the oldest goes first."""
ATTEMPTS: Final = 6
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0

Send = Callable[[Envelope], Awaitable[None]]
Count = Callable[[str, str], None]
"""Told the way's name and an outcome: sent, retried, failed, dropped."""


class UndeliverableError(Exception):
    """The receiver refuses this message for good; trying again is no use."""


class Receiver:
    """Delivers envelopes one after the other by `send`.

    Args:
        send: raises UndeliverableError to give up, anything else to be tried again.
        count: told each outcome.
    """

    def __init__(self, name: str, send: Send, count: Count, *, first_wait_s: float = FIRST_WAIT_S) -> None:
        self.name = name
        self._send = send
        self._count = count
        self._first_wait_s = first_wait_s
        self._queue: deque[Envelope] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    def put(self, envelope: Envelope) -> None:
        """Deliver as soon as possible. Never blocks."""
        self._queue.append(envelope)
        if len(self._queue) > LIMIT:
            self._queue.popleft()
            self._count(self.name, "dropped")
        self._idle.clear()
        self._wake.set()

    def send_as(self, other: "Receiver") -> None:
        """Deliver by another way's settings from now on, what waits and the present message's next try included."""
        self._send = other._send

    def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self._run(), name=f"way {self.name}")

    async def stop(self, grace_s: float = 2.0) -> None:
        """Deliver what waits for up to `grace_s`, then stop; what is left is counted as dropped."""
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        await end(self._task)
        self._task = None
        for _ in self._queue:
            self._count(self.name, "dropped")

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._deliver(self._queue[0])
                self._queue.popleft()
            self._idle.set()

    async def _deliver(self, envelope: Envelope) -> None:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=self._first_wait_s, max=LONGEST_WAIT_S),
            retry=retry_if_not_exception_type((UndeliverableError, asyncio.CancelledError)),
            before_sleep=self._retried,
            reraise=True,
        )
        try:
            await retrying(self._attempt, envelope)
        except Exception as error:  # noqa: BLE001 - whatever one message does, the next gets its turn
            self._count(self.name, "failed")
            # never the error's text alone from foreign code: it may hold a URL, which is a secret
            reason = str(error) if isinstance(error, UndeliverableError) else type(error).__name__
            log.warning("way_failed", way=self.name, event_id=envelope.id, reason=reason)
        else:
            self._count(self.name, "sent")

    async def _attempt(self, envelope: Envelope) -> None:
        await self._send(envelope)

    def _retried(self, state: RetryCallState) -> None:
        self._count(self.name, "retried")
