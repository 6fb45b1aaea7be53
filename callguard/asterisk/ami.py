"""Use AMI beside ARI: it tells which queue member took a call after what wait, pauses members, and marks calls.

panoramisk implements the protocol. Its own reconnection repeats lost actions, even an hour later, and never notices a
silent peer or a refused login. So each connection here is a new one, and pings watch it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final, NamedTuple

import structlog
from panoramisk import Manager
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential, wait_random

from callguard.asterisk.discovery.calls import QueueConnected
from callguard.asterisk.people import Member, Roster
from callguard.config import Ami
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)

ADVICE: Final = "compare asterisk.ami.user and its secret with manager.conf"
TIMEOUT_S: Final = 5.0
"""Time limit in seconds for connecting, for logging in, and for the answer to an action."""
PING_S: Final = 15.0
MEMBER: Final = ("Location", "StateInterface", "Name")
"""Headers of a queue member, in the order of Member's fields."""
NO_CHANNEL: Final = "No such channel"
"""Asterisk's answer to an action on a channel that has ended."""
NEVER_S: Final = 10**9
"""Seconds between panoramisk's own pings: no code checks them, so they are rare."""


Ask = Callable[[Mapping[str, str]], Awaitable[list[Any]]]
"""Sends an action and returns all messages of its answer."""


class AmiError(Exception):
    """AMI is unreachable, or refused an action."""


class LoginRefusedError(AmiError):
    """AMI answers and refuses the user or the secret."""


class Paused(NamedTuple):
    """A paused queue member; `since` in Unix time, 0 where not known."""

    interface: str
    reason: str
    since: float


class _Connection(Manager):  # type: ignore[misc]  # panoramisk has no types
    """One connection of panoramisk; it ends instead of reconnecting."""

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

    `on_queue` is called with each AgentConnect. `on_state` is called with (connected, reason if not) at each change.
    """

    def __init__(
        self, config: Ami, on_queue: Callable[[QueueConnected], None], on_state: Callable[[bool, str], None]
    ) -> None:
        self._config = config
        self._on_queue = on_queue
        self._on_state = on_state
        self._connection: _Connection | None = None
        self._refused = False
        """Whether the last login was refused; a series of refusals is one error in the log."""

    @property
    def connected(self) -> bool:
        """Return whether actions can be sent now."""
        return self._connection is not None

    async def run(self) -> None:
        """Connect, and reconnect after each loss with growing pauses, until cancelled."""
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
        refused = isinstance(error, LoginRefusedError)
        if refused and not self._refused:
            log.error("ami_refused", error=str(error), advice=ADVICE)
        self._refused = refused
        self._on_state(False, str(error) or type(error).__name__)

    async def _connect(self) -> "_Connection":
        return await _log_in(self._config, "agent", AgentConnect=self._agent_connect)

    async def _until_lost(self, connection: _Connection) -> None:
        """Return as soon as the connection is lost or no longer answers."""
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
                channel=_text(event, "DestUniqueid"),
            )
        )

    # --- actions ---

    async def pause(self, interface: str, *, paused: bool, reason: str) -> None:
        """Pause or unpause a member in all its queues. Raises AmiError."""
        state = "true" if paused else "false"
        await self.act({"Action": "QueuePause", "Interface": interface, "Paused": state, "Reason": reason})

    async def paused(self) -> list[Paused]:
        """Return the paused members, once for each queue. Raises AmiError."""
        members = [each for each in await self._send({"Action": "QueueStatus"}) if each.event == "QueueMember"]
        return [
            Paused(_text(each, "Location"), _text(each, "PausedReason"), _number(each, "LastPause"))
            for each in members
            if _text(each, "Paused") == "1" and _text(each, "Location")
        ]

    async def roster(self) -> Roster | None:
        """Return all queues and their members; None while AMI is away."""
        try:
            told = await self._send({"Action": "QueueStatus"})
        except (AmiError, TimeoutError):
            return None
        queues = frozenset(_text(each, "Queue") for each in told if each.event == "QueueParams")
        members = (each for each in told if each.event == "QueueMember")
        return Roster(queues, tuple(Member(*(_text(each, key) for key in MEMBER)) for each in members))

    async def hang_up(self, channel: str) -> bool:
        """Hang a channel up, named by its name or unique id; False when there is no such channel. Raises AmiError."""
        try:
            await self.act({"Action": "Hangup", "Channel": channel})
        except AmiError as error:
            if str(error).endswith(NO_CHANNEL):
                return False
            raise
        return True

    async def act(self, action: Mapping[str, str]) -> None:
        """Send one action once and wait for its success. Raises AmiError."""
        await self._send(action)

    async def _send(self, action: Mapping[str, str]) -> list[Any]:
        """Send an action; return all messages of its answer."""
        if self._connection is None:
            raise AmiError(f"{action['Action']}: not connected")
        return await _send(self._connection, action)


@asynccontextmanager
async def ami_session(config: Ami) -> AsyncIterator[Ask]:
    """Log in for a few questions; the function that is yielded sends an action and returns all messages of the answer.

    Raises AmiError, ConfigError where the secret can't be read, OSError where AMI is out of reach.
    """
    connection = await _log_in(config, "off")
    try:
        yield partial(_send, connection)
    finally:
        connection.close()


async def _log_in(config: Ami, events: str, **handlers: Callable[[Manager, Any], None]) -> _Connection:
    """Connect and log in; `events` are the classes of events that are wanted, `handlers` take events by name."""
    connection = _Connection(
        host=config.host,
        port=config.port,
        username=config.user,
        secret=config.secret.read().get_secret_value(),
        events=events,
    )
    for name, handler in handlers.items():
        connection.register_event(name, handler)
    try:
        await within(connection.connect(), TIMEOUT_S)
        answer = await _answer(connection.authenticated_future)
    except BaseException:
        connection.close()
        raise
    if not answer.success:
        connection.close()
        raise LoginRefusedError(f"login as {config.user!r} refused: {answer.message}")
    return connection


async def _send(connection: _Connection, action: Mapping[str, str]) -> list[Any]:
    """Send an action once; return all messages of its answer. Raises AmiError."""
    clean = {key: " ".join(value.split()) for key, value in action.items()}  # a line break would start a new header
    try:
        answer = await _answer(connection.send_action(clean))
    except TimeoutError:
        raise AmiError(f"{action['Action']}: no answer in {TIMEOUT_S:g} s") from None
    answers = answer if isinstance(answer, list) else [answer]
    if not answers[0].success:
        raise AmiError(f"{action['Action']}: {answers[0].message}")
    return answers


async def _answer(future: "asyncio.Future[Any]") -> Any:
    """Wait for an answer without cancelling its future: panoramisk breaks where its future is cancelled."""
    return await within(asyncio.shield(future), TIMEOUT_S)


def _text(event: Any, header: str) -> str:
    """Return a header's value; empty where it is missing or repeated."""
    value = event.get(header, "")
    return value if isinstance(value, str) else ""


def _number(event: Any, header: str) -> float:
    """Return a header's number; 0 where it holds none."""
    value = _text(event, header)
    return float(value) if value.isdecimal() else 0.0
