"""The pool of workers: keeps them running and gives them calls."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import structlog

from callguard.config import Config
from callguard.contracts.messages import (
    CallFacts,
    CloseCall,
    CloseLeg,
    FromWorker,
    LegBaseline,
    LegLost,
    LegReady,
    LegSource,
    LoadRules,
    MediaError,
    NoRoomError,
    OpenLeg,
    PartDown,
    PartUp,
    SetLogging,
    WorkerLost,
)
from callguard.contracts.vocabulary import Role
from callguard.control.worker_keeper import START_S, STOP_S, WorkerKeeper, WorkerProcess
from callguard.history.baselines import KeptBaselines
from callguard.rules import load_rules as parse_rules
from callguard.runtime.tasks import end

__all__ = ["MediaError", "WorkerPool"]

log = structlog.get_logger(__name__)

WAITING_S: Final = 20.0
"""Seconds after which a refused leg that did not ask again has given up; taps ask again within half of this."""


class WorkerPool:
    """Keeps the configured number of workers running and gives each call to one of them.

    Args:
        config: of the node.
        rules: rule files as (name, text), checked.
        on_message: called in the loop with each message that concerns other parts.
        baselines: keeps each leg's baseline for its next tap.
    """

    def __init__(
        self,
        config: Config,
        rules: tuple[tuple[str, str], ...],
        on_message: Callable[[FromWorker], None],
        baselines: KeptBaselines | None = None,
    ) -> None:
        self._config = config
        self._rules = rules
        self._on_message = _guarded(on_message)
        self._keepers: list[WorkerKeeper] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._opening: dict[str, asyncio.Future[int]] = {}
        self._down: set[int] = set()
        self._room = _Room(self._on_message)
        self._baselines = baselines or KeptBaselines()

    async def start(self) -> None:
        """Start all workers; raise MediaError when one does not start."""
        self._baselines.start()
        self._keepers = [WorkerKeeper(index, self) for index in range(self._config.media.workers)]
        self._tasks = [asyncio.create_task(keeper.run(), name="worker keeper") for keeper in self._keepers]
        try:
            async with asyncio.timeout(START_S):
                await asyncio.gather(*(keeper.first for keeper in self._keepers))
        except (TimeoutError, MediaError) as error:
            await self.stop()
            raise MediaError(
                f"media workers did not start: {str(error) or f'not ready after {START_S:.0f} s'}"
            ) from error

    async def stop(self) -> None:
        """End all workers, by force if necessary."""
        self._room.close()
        await end(*self._tasks, ask_again_s=STOP_S + 1.0)
        self._tasks.clear()
        await self._baselines.stop()

    async def open_leg(self, leg: OpenLeg) -> int:
        """Expect a leg's media; return the port to send it to.

        Raises NoRoomError when the call's worker has no room, MediaError when it dies or no worker runs.
        """
        leg = replace(leg, baseline=await self._baselines.of(leg))
        worker = self._of(leg.call)
        if worker is None:
            raise MediaError("no media worker is running")
        opening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._opening[leg.leg] = opening
        worker.legs[leg.leg] = leg
        worker.mailbox.post(leg)
        try:
            port = await opening
        except NoRoomError:
            self._refused(worker, leg)
            raise
        finally:
            del self._opening[leg.leg]
        self._room.given(leg.call, leg.role)
        return port

    def send(self, call: str, message: CallFacts | CloseCall | CloseLeg | LegSource) -> None:
        """Send a message to the worker of a call. The facts of a new call assign it to a worker."""
        if isinstance(message, CloseCall):
            self._room.given(call, "customer", "agent")
            self._baselines.forget(call)
        elif isinstance(message, CallFacts):
            self._baselines.note(message)
        worker = self._of(call, choose=isinstance(message, CallFacts))
        if worker is None:
            return
        if isinstance(message, CloseLeg):
            worker.legs.pop(message.leg, None)
        elif isinstance(message, CloseCall):
            self._forget(worker, call)
        worker.mailbox.post(message)

    def apply(self, config: Config) -> None:
        """Put other log settings in force in all workers, also in those that are started later."""
        if config.logging != self._config.logging:
            self._config = self._config.model_copy(update={"logging": config.logging})
            self._broadcast(SetLogging(config.logging.level, config.logging.json_lines))

    def rule_names(self) -> list[str]:
        """Return the names of the rules in force."""
        return [rule.name for rule in parse_rules(self._rules)]

    def load_rules(self, files: tuple[tuple[str, str], ...]) -> None:
        """Put other rules in force in all workers, also in those that are started later."""
        self._rules = files
        self._broadcast(LoadRules(files))

    def _broadcast(self, message: LoadRules | SetLogging) -> None:
        for worker in self._workers():
            worker.mailbox.post(message)

    def pids(self) -> list[int]:
        """Return the process ids of the running workers."""
        return [worker.process.pid for worker in self._workers()]

    def _workers(self) -> list[WorkerProcess]:
        return [keeper.worker for keeper in self._keepers if keeper.worker is not None]

    def _of(self, call: str, *, choose: bool = True) -> WorkerProcess | None:
        """Return the worker of a call; a new call goes to the one with the fewest legs."""
        workers = self._workers()
        for worker in workers:
            if call in worker.calls:
                return worker
        if not choose or not workers:
            return None
        chosen = min(workers, key=lambda worker: (len(worker.legs), len(worker.calls)))
        chosen.calls.add(call)
        return chosen

    def _refused(self, worker: WorkerProcess, leg: OpenLeg) -> None:
        """Note that a leg waits for room. A call without any leg may go to another worker next time."""
        self._room.wanted(leg.call, leg.role)
        if not any(other.call == leg.call for other in worker.legs.values()):
            self._forget(worker, leg.call)
            worker.mailbox.post(CloseCall(leg.call))

    def _forget(self, worker: WorkerProcess, call: str) -> None:
        worker.calls.discard(call)
        worker.legs = {leg: asked for leg, asked in worker.legs.items() if asked.call != call}

    # --- called by keepers ---

    def boot(self, index: int) -> object:
        """Return the boot message of a worker."""
        return self._config, index, self._rules

    def take(self, worker: WorkerProcess, messages: list[Any]) -> None:
        """Answer pending requests for legs; pass all other messages on."""
        for message in messages:
            match message:
                case LegReady():
                    self._opened(message.leg, message.port)
                case LegLost() if message.leg in self._opening:
                    worker.legs.pop(message.leg, None)
                    kind = NoRoomError if message.reason == "full" else MediaError
                    self._opened(message.leg, kind(f"the worker refused the leg: {message.reason}"))
                case LegLost():
                    worker.legs.pop(message.leg, None)
                    self._on_message(message)
                case LegBaseline():
                    if message.leg in worker.legs:
                        self._baselines.keep(worker.legs[message.leg], message.baseline)
                case _:
                    self._on_message(message)

    def up(self, worker: WorkerProcess) -> None:
        """Report the workers as back once all of them run."""
        if worker.index in self._down:
            log.info("worker_back", worker=worker.index, pid=worker.process.pid)
            self._down.discard(worker.index)
            if not self._down:
                self._on_message(PartUp("worker"))

    def down(self, worker: WorkerProcess) -> None:
        """Report the legs that were lost with a worker."""
        self._on_message(WorkerLost(worker.index, tuple(sorted(worker.calls))))
        for leg in worker.legs:
            if leg in self._opening:
                self._opened(leg, MediaError("the worker died"))
            else:
                self._on_message(LegLost(leg, "eof"))

    def failed(self, index: int, why: str) -> None:
        """Report once in each outage that a worker is missing."""
        if index not in self._down and self._keepers[index].first.exception() is None:
            self._down.add(index)
            self._on_message(PartDown("worker", f"worker {index} {why}"))

    def _opened(self, leg: str, result: int | MediaError) -> None:
        opening = self._opening.get(leg)
        if opening is None or opening.done():
            return
        if isinstance(result, MediaError):
            opening.set_exception(result)
        else:
            opening.set_result(result)


def _guarded(listener: Callable[[FromWorker], None]) -> Callable[[FromWorker], None]:
    """Return a listener that logs its errors, so that the next message and the workers are not affected."""

    def guarded(message: FromWorker) -> None:
        try:
            listener(message)
        except Exception:  # an error in any part of control
            log.exception("message_not_handled", kind=type(message).__name__)

    return guarded


class _Room:
    """The legs that wait for room. They are reported as one part of the node: down while any leg waits."""

    def __init__(self, on_message: Callable[[FromWorker], None]) -> None:
        self._on_message = on_message
        self._waiting: dict[tuple[str, Role], float] = {}
        self._look: asyncio.TimerHandle | None = None

    def wanted(self, call: str, role: Role) -> None:
        """Note that a leg was refused; it asks again."""
        if not self._waiting:
            log.warning("no_room", call=call, role=role)
            self._on_message(PartDown("room", "more legs than workers have room for; see media.legs_per_worker"))
        self._waiting[call, role] = time.monotonic()
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(WAITING_S / 2, self._drop_silent)

    def given(self, call: str, *roles: Role) -> None:
        """Note that legs were taken, or that their call is over."""
        before = len(self._waiting)
        for role in roles:
            self._waiting.pop((call, role), None)
        if before and not self._waiting:
            self._on_message(PartUp("room"))

    def close(self) -> None:
        """Cancel the timer."""
        if self._look is not None:
            self._look.cancel()

    def _drop_silent(self) -> None:
        """Drop legs that stopped asking: their channel hung up while they waited."""
        self._look = None
        oldest = time.monotonic() - WAITING_S
        for (call, role), asked in list(self._waiting.items()):
            if asked < oldest:
                self.given(call, role)
        if self._waiting:
            self._look = asyncio.get_running_loop().call_later(WAITING_S / 2, self._drop_silent)
