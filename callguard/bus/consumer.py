"""Take commands from the stream, carry them out and answer each exactly once.

Commands of one call run in order, commands of different calls at the same time. An entry is acknowledged together with
its answer, so that a crash in between leaves it for the next process, of this node or another.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

import structlog
from redis.exceptions import RedisError, ResponseError

from callguard.authority import Asker, ForbiddenError, Grant
from callguard.authority.asker import UNSIGNED
from callguard.authority.signature import Gate
from callguard.bus.idempotency import Claim, Idempotency
from callguard.bus.keyed_queue import KeyedQueue
from callguard.bus.keys import COMMAND_FIELDS, GROUP
from callguard.bus.publisher import Bus
from callguard.bus.streams import Entry, entries, read_group
from callguard.contracts.commands import Command, CommandError, MalformedCommandError, parse_command
from callguard.contracts.events import CommandCompleted, CommandFailed, Published, published
from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

Answer = CommandCompleted | CommandFailed
T = TypeVar("T")

MAX_IN_FLIGHT: Final = 256
"""Most unanswered commands; beyond them the stream is not read."""
KEEP: Final = 10_000
"""Approximate number of entries that the commands stream keeps."""
RETRY_S: Final = 0.2
READ_MS: Final = 1000
INTERRUPTED: Final = "interrupted: the service stopped while it was carried out; whether it was done is not known"


class Handler(Protocol):
    """Carries out commands."""

    def permit(self, command: Command, asker: Asker) -> Grant:
        """Return the permission for a command. Raises ForbiddenError."""

    async def __call__(self, command: Command, grant: Grant) -> dict[str, Any]:
        """Carry a command out and return its result. Raises CommandError."""


class CommandConsumer:
    """One consumer of the commands stream, with the node's name.

    Args:
        tell: publishes an answer to every part.
        gate: tells whose command an entry carries.
        handler: permits commands and carries them out.
        timeout_s: longest time for one command.
        max_age_s: age above which perishable commands are refused.
        dead_after_s: silence after which another consumer counts as dead and its entries are taken over.
    """

    def __init__(
        self,
        bus: Bus,
        node: str,
        tell: Callable[[Published], None],
        gate: Gate,
        handler: Handler,
        *,
        timeout_s: float = 150.0,
        max_age_s: float = 60.0,
        dead_after_s: float = 15.0,
    ) -> None:
        self._bus = bus
        self._client = bus.client
        self._stream = bus.keys.commands
        self._node = node
        self._tell = tell
        self._gate = gate
        self._handler = handler
        self._once = Idempotency(bus.client, bus.keys, uuid.uuid4().hex, bus.maxlen)
        self._timeout_s = timeout_s
        self._max_age_s = max_age_s
        self._dead_after_s = dead_after_s
        self._clock_offset_s = 0.0
        self._in_flight: set[str] = set()
        self._queue = KeyedQueue()
        self._running: set[asyncio.Future[dict[str, Any]]] = set()
        self._stopping = False
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start to read as soon as Redis is reachable."""
        self._reader = asyncio.create_task(self._run(), name="commands")

    async def stop(self, grace_s: float = 2.0) -> None:
        """Stop reading, give running commands `grace_s`, answer the rest as interrupted, and delete the consumer."""
        if self._reader is None:
            return
        await end(self._reader)
        self._reader = None
        await self._queue.wait_all(grace_s)
        self._stopping = True
        for running in self._running:
            running.cancel()
        await self._queue.wait_all()
        await self._leave()

    async def submit(self, command: Command, asker: Asker) -> Answer:
        """Carry out a command that did not come by the stream, in its call's order; publish its answer."""
        return await self._queue.run(_key(command), self._submitted(command, asker))

    async def _submitted(self, command: Command, asker: Asker) -> Answer:
        answer = await self._perform(command, asker)
        self._tell(published(answer, self._node))
        return answer

    async def _run(self) -> None:
        while True:
            try:
                await self._prepare()
                await self._read()
            except (RedisError, OSError) as error:
                log.debug("commands_unread", error=str(error))  # the bus tells of the outage
                await asyncio.sleep(RETRY_S)

    async def _prepare(self) -> None:
        """Make the group, learn the server's clock, and take up the entries of a former process of this node."""
        try:
            await self._client.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        seconds, micros = await self._client.time()
        self._clock_offset_s = seconds + micros / 1e6 - time.time()
        for entry in await read_group(self._client, self._stream, GROUP, self._node, after="0", count=KEEP):
            self._accept(entry)

    async def _read(self) -> None:
        housekeeping = 0.0
        while True:
            if time.monotonic() >= housekeeping:
                await self._keep_house()
                housekeeping = time.monotonic() + self._dead_after_s / 4
            if len(self._in_flight) >= MAX_IN_FLIGHT:
                await self._queue.wait_one()
            read = await read_group(
                self._client, self._stream, GROUP, self._node, block_ms=min(READ_MS, self._tick_ms()), count=32
            )
            for entry in read:
                self._accept(entry)

    def _tick_ms(self) -> int:
        return max(1, round(self._dead_after_s * 250))

    async def _keep_house(self) -> None:
        """Mark our own entries as in work, take over a dead consumer's entries, remove it, and trim the stream."""
        if self._in_flight:
            ids: Any = list(self._in_flight)
            await self._client.xclaim(self._stream, GROUP, self._node, 0, ids, justid=True)
        idle_ms = round(self._dead_after_s * 1000)
        claimed: Any = await self._client.xautoclaim(self._stream, GROUP, self._node, idle_ms, count=32)
        for entry in entries(claimed[1]):
            self._accept(entry)
        consumers: Any = await self._client.xinfo_consumers(self._stream, GROUP)
        for other in consumers:
            if other["name"] != self._node and not other["pending"] and other["idle"] > 2 * idle_ms:
                await self._client.xgroup_delconsumer(self._stream, GROUP, other["name"])
        await self._client.xtrim(self._stream, maxlen=KEEP, approximate=True)

    def _accept(self, entry: Entry) -> None:
        if entry.id in self._in_flight:
            return
        self._in_flight.add(entry.id)
        text = _text(entry)
        asker: Asker | ForbiddenError
        try:
            asker = self._gate.identify(entry.fields, text, entry.at_ms / 1000, self._now())
        except ForbiddenError as error:
            asker = error
        try:
            command = parse_command(text)
        except MalformedCommandError as error:
            failed = CommandFailed(command=error.command, action=error.action, reason=error.reason)
            task = self._queue.run(entry.id, self._refuse(entry, asker, failed))
        else:
            if isinstance(asker, Asker):
                task = self._queue.run(_key(command), self._carry_out(entry, command, asker))
            else:
                task = self._queue.run(entry.id, self._refuse(entry, asker, _forbidden(command, asker)))
        task.add_done_callback(lambda _: self._in_flight.discard(entry.id))

    async def _refuse(self, entry: Entry, asker: Asker | ForbiddenError, failed: CommandFailed) -> None:
        known = _known(failed.command, asker) if failed.command else f"entry:{entry.id}"
        if await self._insist(lambda: self._once.claim(known, entry.id)) is Claim.REPEATED:
            await self._insist(lambda: self._once.forget(entry.id))
        else:
            await self._answer(known, entry, failed)

    async def _carry_out(self, entry: Entry, command: Command, asker: Asker) -> None:
        known = _known(command.id, asker)
        match await self._insist(lambda: self._once.claim(known, entry.id)):
            case Claim.REPEATED:
                await self._insist(lambda: self._once.forget(entry.id))
            case Claim.INTERRUPTED:
                await self._answer(known, entry, _failed(command, INTERRUPTED, asker))
            case Claim.DO if self._is_stale(entry, command):
                reason = f"expired: it waited longer than {self._max_age_s:g} s"
                await self._answer(known, entry, _failed(command, reason, asker))
            case Claim.DO:
                await self._answer(known, entry, await self._perform(command, asker))

    def _now(self) -> float:
        """Return Unix time by the server's clock."""
        return time.time() + self._clock_offset_s

    def _is_stale(self, entry: Entry, command: Command) -> bool:
        return command.spec.perishable and self._now() - entry.at_ms / 1000 > self._max_age_s

    async def _perform(self, command: Command, asker: Asker) -> Answer:
        if self._stopping:
            return _failed(command, "not done: the service is stopping", asker)
        try:
            grant = self._handler.permit(command, asker)
        except ForbiddenError as error:
            return _forbidden(command, error)
        return await self._permitted(command, grant)

    async def _permitted(self, command: Command, grant: Grant) -> Answer:
        running = asyncio.ensure_future(self._handler(command, grant))
        self._running.add(running)
        try:
            async with asyncio.timeout(self._timeout_s):
                result = await running
        except ForbiddenError as error:
            return _forbidden(command, error)
        except CommandError as error:
            return _failed(command, error.reason, grant)
        except TimeoutError:
            return _failed(command, f"timeout: not done within {self._timeout_s:g} s", grant)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            return _failed(command, INTERRUPTED, grant)  # stop() cancelled the handler, not us
        except Exception:
            log.exception("command_broke", command=command.id, action=command.action)
            return _failed(command, f"internal error; the log of node {self._node} says more", grant)
        finally:
            self._running.discard(running)
        return CommandCompleted(
            call=command.call, command=command.id, action=command.action, supervisor=command.supervisor, result=result,
            **_by(grant),
        )  # fmt: skip

    async def _answer(self, known: str, entry: Entry, answer: Answer) -> None:
        await self._bus.flush(1.0)  # the events of the command precede its answer in the stream
        happened = published(answer, self._node)
        sent = happened.envelope()
        if await self._insist(lambda: self._once.answer(known, entry.id, sent)):
            self._bus.in_redis(happened.id)
            self._tell(happened)

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis until it answers, or only once while stopping: the entry then stays for the next process."""
        while True:
            try:
                return await ask()
            except (RedisError, OSError):
                if self._stopping:
                    raise
                await asyncio.sleep(RETRY_S)

    async def _leave(self) -> None:
        try:
            left = await read_group(self._client, self._stream, GROUP, self._node, after="0", count=1)
            if not left:
                await self._client.xgroup_delconsumer(self._stream, GROUP, self._node)
        except (RedisError, OSError) as error:
            log.warning("consumer_left_behind", consumer=self._node, error=str(error))


def _key(command: Command) -> str:
    return f"call:{command.call}" if command.call else f"id:{command.id}"


def _text(entry: Entry) -> str:
    return next((entry.fields[name] for name in COMMAND_FIELDS if name in entry.fields), "")


def _known(command: str, asker: Asker | ForbiddenError) -> str:
    """Return the name under which a command is remembered: no sender can use up the identifiers of another."""
    proved = asker.name if isinstance(asker, Asker) else asker.sender
    if proved is None:
        return f"unproved/{command}"
    return command if proved == UNSIGNED else f"{proved}/{command}"


def _failed(command: Command, reason: str, by: Asker | Grant) -> CommandFailed:
    return CommandFailed(
        call=command.call, command=command.id, action=command.action, supervisor=command.supervisor, reason=reason,
        **_by(by),
    )  # fmt: skip


def _forbidden(command: Command, error: ForbiddenError) -> CommandFailed:
    return CommandFailed(
        call=command.call, command=command.id, action=command.action, supervisor=command.supervisor,
        **error.facts,
    )  # fmt: skip


def _by(by: Asker | Grant) -> dict[str, Any]:
    if isinstance(by, Grant):
        return {"sender": by.sender, "door": by.door, "right": by.right}
    return {"sender": by.name, "door": by.door}
