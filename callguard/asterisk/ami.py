"""AMI beside ARI: which queue member took a call and after what wait; pausing a member; marks for other programs.

panoramisk speaks the protocol. Its own reconnection sends actions again that were lost, an hour later too, and never
notices a silent peer or a refused login; here each connection is a new one, watched by pings.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from panoramisk import Manager
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from callguard.asterisk.discovery.calls import QueueConnected
from callguard.config import Ami
from callguard.runtime.tasks import within

TIMEOUT_S: Final = 5.0
"""Seconds for connecting, logging in, and the answer to an action."""
PING_S: Final = 15.0
NEVER_S: Final = 10**9
"""panoramisk's own pings, which nobody checks, come so late."""


class AmiError(Exception):
    """AMI can't be reached, or refused an action."""


class Paused(NamedTuple):
    """A queue member who is paused; `since` in Unix time, 0: not known."""

    interface: str
    reason: str
    since: float


class _Connection(Manager):  # type: ignore[misc]  # panoramisk has no types
    """One connection of panoramisk that ends instead of coming back."""

    def __init__(self, **config: Any) -> None:
        super().__init__(**config, ping_delay=NEVER_S, loop=asyncio.get_running_loop())
        self.lost = asyncio.Event()

    def connection_made(self, future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is None:
            super().connection_made(future)

    def connection_lost(self, exc: object) -> None:
        if self.pinger:
            self.pinger.cancel()
        self.lost.set()


class AmiClient:
    """Stays connected while `run` runs.

    `on_queue` is called with each AgentConnect, `on_state` with (connected, why not) at each change.
    """

    def __init__(
        self, config: Ami, on_queue: Callable[[QueueConnected], None], on_state: Callable[[bool, str], None]
    ) -> None:
        self._config = config
        self._on_queue = on_queue
        self._on_state = on_state
        self._connection: _Connection | None = None

    @property
    def connected(self) -> bool:
        """Whether actions can be sent now."""
        return self._connection is not None

    async def run(self) -> None:
        """Connect, and again after each loss with growing pauses, for ever."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((AmiError, OSError)),  # TimeoutError is an OSError
            wait=wait_exponential(multiplier=0.2, max=10) + wait_random(0, 0.3),
            before_sleep=self._report_failure,
        )
        while True:
            connection: _Connection = await retrying(self._connect)
            try:
                self._connection = connection
                self._on_state(True, "")
                await self._until_lost(connection)
            finally:
                self._connection = None
                connection.close()
            self._on_state(False, "connection lost")

    def _report_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._on_state(False, str(error) or type(error).__name__)

    async def _connect(self) -> "_Connection":
        config = self._config
        connection = _Connection(
            host=config.host,
            port=config.port,
            username=config.user,
            secret=config.secret.read().get_secret_value(),
            events="agent",
        )
        connection.register_event("AgentConnect", self._agent_connect)
        try:
            await within(connection.connect(), TIMEOUT_S)
            answer = await _answer(connection.authenticated_future)
        except BaseException:
            connection.close()
            raise
        if not answer.success:
            connection.close()
            raise AmiError(f"login as {config.user!r} refused: {answer.message}")
        return connection

    async def _until_lost(self, connection: _Connection) -> None:
        """Return when the connection is lost, or no longer answers."""
        while not connection.lost.is_set():
            with suppress(TimeoutError):
                await within(connection.lost.wait(), PING_S)
                return
            try:
                await _answer(connection.send_action({"Action": "Ping"}))
            except (AmiError, TimeoutError):
                return

    def _agent_connect(self, _: Manager, event: Any) -> None:
        self._on_queue(
            QueueConnected(
                at=time.time(),
                customer=_text(event, "Uniqueid"),
                queue=_text(event, "Queue"),
                member=_text(event, "MemberName") or _text(event, "Interface"),
                interface=_text(event, "Interface"),
                wait_s=_number(event, "HoldTime"),
            )
        )

    # --- actions ---

    async def pause(self, interface: str, *, paused: bool, reason: str) -> None:
        """Pause or unpause a member in all its queues. Raises AmiError."""
        state = "true" if paused else "false"
        await self.act({"Action": "QueuePause", "Interface": interface, "Paused": state, "Reason": reason})

    async def paused(self) -> list[Paused]:
        """Return who is paused, once for each queue. Raises AmiError."""
        members = [each for each in await self._send({"Action": "QueueStatus"}) if each.event == "QueueMember"]
        return [
            Paused(_text(each, "Location"), _text(each, "PausedReason"), _number(each, "LastPause"))
            for each in members
            if _text(each, "Paused") == "1" and _text(each, "Location")
        ]

    async def act(self, action: Mapping[str, str]) -> None:
        """Send one action and wait for its success. Raises AmiError; never sends anything twice."""
        await self._send(action)

    async def _send(self, action: Mapping[str, str]) -> list[Any]:
        """Send an action; return all messages that answer it."""
        if self._connection is None:
            raise AmiError(f"{action['Action']}: not connected")
        clean = {key: " ".join(value.split()) for key, value in action.items()}  # a line end would begin a new header
        try:
            answer = await _answer(self._connection.send_action(clean))
        except TimeoutError:
            raise AmiError(f"{action['Action']}: no answer in {TIMEOUT_S:g} s") from None
        answers = answer if isinstance(answer, list) else [answer]
        if not answers[0].success:
            raise AmiError(f"{action['Action']}: {answers[0].message}")
        return answers


async def _answer(future: "asyncio.Future[Any]") -> Any:
    """Wait for an answer; the future is panoramisk's, which breaks when it is cancelled."""
    return await within(asyncio.shield(future), TIMEOUT_S)


def _text(event: Any, header: str) -> str:
    """A header's value; empty when it is missing or given twice."""
    value = event.get(header, "")
    return value if isinstance(value, str) else ""


def _number(event: Any, header: str) -> float:
    """A header's number; 0 when it holds none."""
    value = _text(event, header)
    return float(value) if value.isdecimal() else 0.0
