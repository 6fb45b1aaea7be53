"""Deliver events to Redis: `Bus.see` never blocks, never raises and keeps the order.

While Redis is away, events wait in memory; those that must outlive this process wait in the journal too. Delivery is at
least once: after a doubtful delivery the publisher looks for its identifiers at the stream's end before it sends again.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import AuthenticationError, RedisError

from callguard.bus import audit
from callguard.bus.client import connect
from callguard.bus.erase import KEPT
from callguard.bus.heartbeat import Heartbeat
from callguard.bus.keys import CALL_FIELD, EVENT_FIELD, TYPE_FIELD, Keys
from callguard.bus.live_state import LiveState
from callguard.bus.outbox import Message, Outbox
from callguard.bus.overview import Overview
from callguard.bus.spool import AUDIT, EVENT, Spool
from callguard.bus.state_copy import StateCopy
from callguard.bus.streams import tail
from callguard.config import Redis as RedisConfig
from callguard.contracts.events import (
    AuditAnchored,
    CallEnded,
    Envelope,
    Event,
    NodeEvent,
    Published,
    published,
)
from callguard.contracts.messages import CallSnapshot
from callguard.runtime.anchor import anchor_path
from callguard.runtime.journal import Journal
from callguard.runtime.outages import Outages
from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

BATCH: Final = 100
"""Events in one transaction."""
LOOK_BACK: Final = 1000
"""Newest entries searched for this node's identifiers after a delivery without an answer."""
FIRST_DELAY_S: Final = 0.05
LONGEST_DELAY_S: Final = 1.0
SIGNALS_S: Final = 0.5
"""Seconds between two writes of signals alone: shorter than a call's 1 s between snapshots, so that each is written."""
ANCHOR_S: Final = 10.0
"""Seconds from an audit entry to the event that tells the head of the chain; all entries until then share one."""
OUTAGE: Final = "redis"
OVERFLOW: Final = "bus_overflow"
AUDIT_OUTAGE: Final = "audit"
"""The audit stream lacks entries. It stays so until the service restarts: nobody can put them back."""


class _Write(Protocol):
    """Changes that go with the events of a transaction."""

    def queue(self, pipe: Pipeline, keys: Keys) -> None:
        """Add the changes to the transaction."""

    def put_back(self) -> None:
        """Keep the changes for a later write after the transaction has failed."""


class _ToAudit(NamedTuple):
    """An event for the audit stream, and its key in the journal."""

    key: str | None
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class BusStats:
    """Counters since the start."""

    connected: bool
    waiting: int
    published: int
    dropped: int
    audited: int = 0
    """Number of the newest audit entry that this node knows of."""


class Bus:
    """Delivers this node's events, and keeps the lists and the audit stream. It belongs to one event loop.

    Args:
        config: of the server.
        node: name of this node.
        outages: takes that Redis is away, or back, and that events had to be dropped.
        journal: keeps events that must outlive this process.
        emit: publishes the events of the bus itself.

    Attributes:
        client: client for readers of the same server.
        keys: names of all keys.
        maxlen: approximate number of events that the stream keeps.
        overview: present calls and alerts of this node.
    """

    def __init__(
        self,
        config: RedisConfig,
        node: str,
        outages: Outages,
        journal: Journal,
        emit: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.client: Redis = connect(config)
        self.keys = Keys(config.prefix)
        self.overview = Overview()
        self._node = node
        self._outages = outages
        self.maxlen = config.events_maxlen
        self._outbox = Outbox(config.buffer)
        self._hot = LiveState(self.keys, node, self.overview)
        self._heartbeat = Heartbeat(self.client, self.keys, node, self.overview)
        self._batch: list[Message] = []
        self._doubtful = False
        self._copies: list[StateCopy] = []
        self._spool = Spool(journal)
        self._emit = emit
        anchor = anchor_path(journal.path.parent, node) if journal.path else None
        lost = partial(outages.away, AUDIT_OUTAGE)
        self._trail = audit.Trail(self.client, self.keys.audit, anchor, lost, lambda _: self._anchor_soon())
        self._anchoring: asyncio.TimerHandle | None = None
        self._to_audit: deque[_ToAudit] = deque()  # unbounded: people's acts fill it, at their pace
        self._in_redis: set[str] = set()
        """Identifiers of events that Redis already has before this node's parts see them."""
        self._connected = False
        self._refused = False
        """Whether the server refused the password last time; a series of refusals is one error in the log."""
        self._overflow_from: int | None = None
        self._published = 0
        self._unsent = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._resume()

    @property
    def stats(self) -> BusStats:
        """Return the state of the bus and its counters."""
        waiting = len(self._outbox) + len(self._batch)
        return BusStats(self._connected, waiting, self._published, self._outbox.dropped + self._unsent, self.audited)

    def see(self, happened: Published) -> None:
        """Queue an event, which is sent as soon as Redis takes it; return at once."""
        if isinstance(happened.event, CallEnded) and happened.event.reason == "opt_out":
            self._forget(happened.call)
        try:
            sent = happened.envelope()
            text = sent.to_json()
        except ValueError as error:  # a payload that JSON can't hold: our own mistake, not the publisher's to handle
            self._unsent += 1
            log.error("event_unsent", type=happened.event.TYPE, error=str(error))  # noqa: TRY400 - the text says it all
            return
        self._hot.note(self.overview.apply(happened))
        self._idle.clear()
        self._wake.set()
        if isinstance(happened.event, NodeEvent):
            self._heartbeat.soon()
        if audit.is_audited(sent.type):
            lasting = audit.without_inference(sent)
            self._to_audit.append(_ToAudit(self._spool.keep(AUDIT, lasting, lasting.to_json()), lasting))
        if happened.id in self._in_redis:
            self._in_redis.discard(happened.id)
        else:
            self._put(Message(sent, text, self._spool.keep(EVENT, sent, text)))

    def recall(self, event: Event, at: float) -> None:
        """Show what an earlier run published at a Unix time: lists and boards hold it again, the stream had it."""
        happened = published(event, self._node, datetime.fromtimestamp(at, UTC))
        self._hot.note(self.overview.apply(happened))
        self._wake.set()

    def copy(self, state: StateCopy) -> None:
        """Write a state's changes together with the events from now on."""
        self._copies.append(state)
        self.wake()

    def wake(self) -> None:
        """Write soon what a copied state has changed, though no event goes with it."""
        self._idle.clear()
        self._wake.set()

    def in_redis(self, event_id: str) -> None:
        """Record that Redis already has an event which is about to be published here."""
        self._in_redis.add(event_id)

    def show(self, snapshot: CallSnapshot) -> None:
        """Store a call's present signals for lists; the signals of all calls are written together."""
        if self.overview.show(snapshot):
            self._hot.show(snapshot)
            if self._soon is None:
                self._soon = asyncio.get_running_loop().call_later(SIGNALS_S, self._write_signals)

    def mark(self, unheard: Mapping[str, tuple[str, str]]) -> None:
        """Store why calls of this node are not heard, as (cause, reason) by linkedid; all other calls are heard."""
        changes = self.overview.mark(self._node, unheard)
        if changes:
            self._hot.note(changes)
            self._wake.set()

    async def start(self) -> None:
        """Start to deliver; events wait while Redis is away."""
        self._heartbeat.start()
        self._task = asyncio.create_task(self._run(), name="bus")

    async def stop(self, flush_s: float = 2.0) -> None:
        """Deliver the waiting events for up to `flush_s`, then close."""
        if self._task is None:
            return
        for timer in (self._soon, self._anchoring):
            if timer:
                timer.cancel()
        await self.flush(flush_s)
        await end(self._task)
        self._task = None
        await self._heartbeat.stop()
        await self.client.aclose()

    async def flush(self, timeout_s: float) -> bool:
        """Wait until Redis has all events; return False after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def _resume(self) -> None:
        """Queue the unsent events of an earlier run."""
        for key, envelope in self._spool.left(EVENT):
            self._put(Message(envelope, envelope.to_json(), key, doubtful=True))
        self._to_audit += [_ToAudit(key, envelope) for key, envelope in self._spool.left(AUDIT)]

    def _put(self, message: Message) -> None:
        dropped = self._outbox.put(message)
        if dropped is None:
            return
        self._spool.sent(EVENT, dropped.key)
        if self._overflow_from is None:
            self._overflow_from = self._outbox.dropped - 1
            self._outages.away(OVERFLOW)

    def _forget(self, call: str) -> None:
        """Drop the unsent events of a call after one of its parties opted out."""
        self._outbox.forget(call, (KEPT,))
        self._spool.forget(call)

    @property
    def audited(self) -> int:
        """Return the number of the newest audit entry that this node knows of."""
        return self._trail.head.entries if self._trail.head else 0

    def _anchor_soon(self) -> None:
        if self._anchoring is None:
            self._anchoring = asyncio.get_running_loop().call_later(ANCHOR_S, self._tell_anchor)

    def _tell_anchor(self) -> None:
        self._anchoring = None
        if head := self._trail.head:
            log.info("audit_head", entries=head.entries, hash=head.hash)
            self._emit(AuditAnchored(node=self._node, entries=head.entries, hash=head.hash))

    def _write_signals(self) -> None:
        self._soon = None
        self._wake.set()

    async def _run(self) -> None:
        delay = FIRST_DELAY_S
        while True:
            self._wake.clear()
            try:
                await self._deliver()
            except (RedisError, OSError) as error:
                self._lost(error)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(2 * delay, LONGEST_DELAY_S)
            else:
                delay = FIRST_DELAY_S
                await self._wake.wait()

    async def _deliver(self) -> None:
        if not self._connected:
            await self._trail.check()
            await self._hot.reconcile(self.client)
            for state in self._copies:
                state.write_anew()
        while self._batch or len(self._outbox) or self._hot or any(self._copies) or not self._connected:
            await self._send_batch()
            self._back()
        while self._to_audit:
            await self._trail.append(self._to_audit[0].envelope)
            self._spool.sent(AUDIT, self._to_audit.popleft().key)
        if not (len(self._outbox) or self._hot):
            self._idle.set()

    async def _send_batch(self) -> None:
        self._batch = self._batch or self._outbox.take(BATCH)
        if self._doubtful or any(message.doubtful for message in self._batch):
            await self._forget_delivered()
        self._spool.commit()
        writes: list[_Write] = [self._hot.take(), *(state.take() for state in self._copies)]
        try:
            async with self.client.pipeline(transaction=True) as pipe:
                for message in self._batch:
                    pipe.xadd(self.keys.events, _fields(message), maxlen=self.maxlen, approximate=True)
                for write in writes:
                    write.queue(pipe, self.keys)
                pipe.publish(self.keys.wake, self._batch[-1].envelope.type if self._batch else "")
                await pipe.execute()
        except BaseException:
            self._doubtful = bool(self._batch)
            for write in writes:
                write.put_back()
            raise
        self._sent()

    def _sent(self) -> None:
        self._published += len(self._batch)
        for message in self._batch:
            self._spool.sent(EVENT, message.key)
        self._batch = []

    async def _forget_delivered(self) -> None:
        newest = await tail(self.client, self.keys.events, LOOK_BACK)
        known = {_identifier(entry.fields.get(EVENT_FIELD, "")) for entry in newest}
        lacking = [message for message in self._batch if message.envelope.id not in known]
        self._batch = [message for message in self._batch if message.envelope.id in known]
        self._sent()
        self._batch = lacking
        self._doubtful = False

    def _lost(self, error: Exception) -> None:
        refused = isinstance(error, AuthenticationError)
        if refused and not self._refused:
            log.error("redis_refused", error=str(error), advice="set redis.password, or user and password in redis.url")
        self._refused = refused
        self._connected = False
        self._outages.away(OUTAGE, detail=str(error))

    def _back(self) -> None:
        self._connected, self._refused = True, False
        self._outages.back(OUTAGE)
        if self._overflow_from is not None and not len(self._outbox):
            lost = self._outbox.dropped - self._overflow_from
            self._overflow_from = None
            self._outages.back(OVERFLOW, f"{lost} events dropped")


def _fields(message: Message) -> dict[Any, Any]:
    return {
        EVENT_FIELD: message.text,
        TYPE_FIELD: message.envelope.type,
        CALL_FIELD: message.envelope.subject or "",
    }


def _identifier(text: str) -> str | None:
    try:
        identifier: str | None = json.loads(text).get("id")
    except (ValueError, AttributeError):
        return None
    return identifier
