"""The workers as control sees them: started, kept alive, and given calls."""

import asyncio
import contextlib
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from callguard.config import Config, Logging
from callguard.contracts.messages import (
    CallFacts,
    CloseCall,
    CloseLeg,
    FromWorker,
    LegLost,
    LegReady,
    LoadRules,
    OpenLeg,
    SetLogging,
    StopWorker,
    WorkerLost,
    WorkerReady,
)
from callguard.runtime.mailbox import GarbledError, GoneError, Mailbox, start_process
from callguard.runtime.tasks import end

log = structlog.get_logger(__name__)

START_S: Final = 60.0
"""Seconds that a worker may take to start; imports and models take about two on an idle machine."""
STOP_S: Final = 5.0
SILENT_S: Final = 15.0
"""A worker reports every second; after so long without a word it hangs and is replaced."""
BACKOFF_S: Final = (0.2, 1.0, 2.0, 5.0, 10.0)
"""Pauses before a worker that died is started again; the last repeats."""
STEADY_S: Final = 60.0
"""A worker that lived so long starts the pauses over."""


class MediaError(RuntimeError):
    """A leg can't be opened; the message says why."""


@dataclass(eq=False)
class _Life:
    """One worker process from its start to its end."""

    index: int
    process: "subprocess.Popen[bytes]"
    mailbox: Mailbox
    ready: "asyncio.Future[None]"
    """Settled once it listens."""
    listener: threading.Thread | None = None
    legs: dict[str, str] = field(default_factory=dict)
    """Call of each leg."""
    calls: set[str] = field(default_factory=set)
    started: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)


class WorkerPool:
    """Starts the configured number of workers, gives each call to one of them, replaces the dead.

    Args:
        config: of the node.
        rules: rule files as (name, text), checked.
        on_message: called in the loop with everything that workers say, but for WorkerReady and LegReady.
    """

    def __init__(
        self, config: Config, rules: tuple[tuple[str, str], ...], on_message: Callable[[FromWorker], None]
    ) -> None:
        self._config = config
        self._rules = rules
        self._on_message = on_message
        self._lives: dict[int, _Life] = {}
        self._opening: dict[str, asyncio.Future[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = [0] * config.media.workers
        self._stopping = False

    async def start(self) -> None:
        """Start all workers; raise MediaError when one does not come up."""
        self._loop = asyncio.get_running_loop()
        for index in range(self._config.media.workers):
            self._launch(index)
        try:
            async with asyncio.timeout(START_S):
                await asyncio.gather(*(life.ready for life in self._lives.values()))
        except (TimeoutError, MediaError) as error:
            await self.stop()
            raise MediaError(
                f"media workers did not start: {str(error) or f'not ready after {START_S:.0f} s'}"
            ) from error
        self._run(self._watch())

    async def stop(self) -> None:
        """End all workers, by force those that don't end when told."""
        self._stopping = True
        await end(*self._tasks)
        lives = list(self._lives.values())
        for life in lives:
            life.mailbox.post(StopWorker())
        await asyncio.gather(*(asyncio.to_thread(_end, life.process, STOP_S) for life in lives))
        for life in lives:
            self._bury(life)

    async def open_leg(self, leg: OpenLeg) -> int:
        """Expect a leg's media; return the port to send it to.

        Raises MediaError when the call's worker has no room or dies.
        """
        life = self._of(leg.call)
        if life is None:
            raise MediaError("no media worker is running")
        opening: asyncio.Future[int] = self._loop.create_future()
        self._opening[leg.leg] = opening
        life.legs[leg.leg] = leg.call
        life.mailbox.post(leg)
        try:
            return await opening
        finally:
            del self._opening[leg.leg]

    def send(self, call: str, message: CallFacts | CloseCall | CloseLeg) -> None:
        """Tell the worker of a call something. Facts of a new call choose its worker."""
        life = self._of(call, choose=isinstance(message, CallFacts))
        if life is None:
            return
        if isinstance(message, CloseLeg):
            life.legs.pop(message.leg, None)
        elif isinstance(message, CloseCall):
            life.calls.discard(call)
            life.legs = {leg: owner for leg, owner in life.legs.items() if owner != call}
        life.mailbox.post(message)

    def broadcast(self, message: LoadRules | SetLogging) -> None:
        """Give rules or logging to all workers, also to those that are started later."""
        if isinstance(message, LoadRules):
            self._rules = message.files
        else:
            self._config = self._config.model_copy(
                update={"logging": Logging(level=message.level, json_lines=message.json_lines)}
            )
        for life in self._lives.values():
            life.mailbox.post(message)

    def pids(self) -> list[int]:
        """Return the process ids of the workers that live."""
        return [life.process.pid for life in self._lives.values()]

    def _of(self, call: str, *, choose: bool = True) -> _Life | None:
        """Return the worker of a call; a new call goes to the one with the fewest legs."""
        for life in self._lives.values():
            if call in life.calls:
                return life
        if not choose or not self._lives:
            return None
        life = min(self._lives.values(), key=lambda life: (len(life.legs), len(life.calls)))
        life.calls.add(call)
        return life

    # --- lives ---

    def _launch(self, index: int) -> None:
        process, mailbox = start_process("callguard.worker", (self._config, index, self._rules))
        life = self._lives[index] = _Life(index, process, mailbox, self._loop.create_future())
        life.listener = threading.Thread(target=self._listen, args=(life,), name=f"worker {index}", daemon=True)
        life.listener.start()

    def _listen(self, life: _Life) -> None:
        """Hand a worker's messages to the loop until it is gone; a thread, so that a half-written one blocks nobody."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            while True:
                try:
                    messages = life.mailbox.receive(None)
                except GarbledError as error:
                    log.warning("message_malformed", worker=life.index, why=str(error))
                    continue
                except GoneError:
                    self._loop.call_soon_threadsafe(self._died, life)
                    return
                self._loop.call_soon_threadsafe(self._take, life, messages)

    def _take(self, life: _Life, messages: list[Any]) -> None:
        life.heard = time.monotonic()
        for message in messages:
            match message:
                case WorkerReady():
                    life.ready.set_result(None)
                case LegReady():
                    self._opened(message.leg, message.port)
                case LegLost() if message.leg in self._opening:
                    life.legs.pop(message.leg, None)
                    self._opened(message.leg, MediaError(f"the worker has no room: {message.reason}"))
                case LegLost():
                    life.legs.pop(message.leg, None)
                    self._on_message(message)
                case _:
                    self._on_message(message)

    def _opened(self, leg: str, result: int | MediaError) -> None:
        opening = self._opening.get(leg)
        if opening is None or opening.done():
            return
        if isinstance(result, MediaError):
            opening.set_exception(result)
        else:
            opening.set_result(result)

    def _died(self, life: _Life) -> None:
        """Tell of the legs that went with a worker; start another."""
        if self._stopping or self._lives.get(life.index) is not life:
            return
        self._bury(life)
        log.error("worker_died", worker=life.index, code=life.process.returncode, legs=len(life.legs))
        if not life.ready.done():
            life.ready.set_exception(MediaError(f"worker {life.index} ended while starting"))
            life.ready.exception()  # only `start` waits for it, and only the first time
        self._on_message(WorkerLost(life.index, tuple(sorted(life.calls))))
        for leg in life.legs:
            if leg in self._opening:
                self._opened(leg, MediaError("the worker died"))
            else:
                self._on_message(LegLost(leg, "eof"))
        self._run(self._relaunch(life))

    def _bury(self, life: _Life) -> None:
        """Clean up after a worker that has ended or closed its connection."""
        del self._lives[life.index]
        _end(life.process, 0)
        if life.listener is not None:
            life.listener.join()  # the other end is closed, so that it ends at once
        life.mailbox.close()

    async def _relaunch(self, dead: _Life) -> None:
        steady = time.monotonic() - dead.started > STEADY_S
        failures = 0 if steady else self._failures[dead.index]
        self._failures[dead.index] = failures + 1
        await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
        self._launch(dead.index)

    async def _watch(self) -> None:
        """Kill workers that have said nothing for too long; their end is noticed as any other."""
        while True:
            await asyncio.sleep(1)
            for life in self._lives.values():
                patience = SILENT_S if life.ready.done() else START_S
                if time.monotonic() - life.heard > patience:
                    log.error("worker_hangs", worker=life.index)
                    life.process.kill()

    def _run(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _end(process: "subprocess.Popen[bytes]", patience_s: float) -> None:
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
