"""One worker's keeper: starts the process, again until it works, and replaces a process that dies or hangs."""

import asyncio
import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog

from callguard.contracts.messages import MediaError, OpenLeg, StopWorker, WorkerReady
from callguard.runtime.mailbox import GarbledError, GoneError, Mailbox, start_process
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)

START_S: Final = 60.0
"""Seconds that a worker may take to start; imports and models take about two on an idle machine."""
STOP_S: Final = 5.0
SILENT_S: Final = 15.0
"""Seconds without a message after which a worker counts as hanging and is replaced; it reports every second."""
WATCH_S: Final = 1.0
"""Seconds between two checks for silence."""
AWAKE_S: Final = 2.0
"""Most seconds that count between two checks. A longer gap means that control itself, or its machine, was stopped."""
BACKOFF_S: Final = (0.2, 1.0, 2.0, 5.0, 10.0)
"""Pauses in seconds before a worker is started again; the last repeats."""
STEADY_S: Final = 60.0
"""Seconds of life after which a worker's next start begins with the first pause."""
EXIT_S: Final = 0.5
"""Seconds that a process may take to exit after it closed its connection; then it is killed."""


@dataclass(eq=False)
class WorkerProcess:
    """One worker process from its start to its end.

    Attributes:
        legs: request for each leg that it has or is about to have, by the leg's UUID.
        calls: calls that it knows.
        silent_s: seconds since its last message, without those in which control was stopped.
        over: set once its connection is closed.
    """

    index: int
    process: "subprocess.Popen[bytes]"
    mailbox: Mailbox
    ready: bool = False
    legs: dict[str, OpenLeg] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    silent_s: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    listener: threading.Thread | None = None

    def hangs(self) -> bool:
        """Return whether it has been silent for too long."""
        return self.silent_s > (SILENT_S if self.ready else START_S)


class Owner(Protocol):
    """The pool as its keepers use it. All methods are called in the loop."""

    def boot(self, index: int) -> object:
        """Return the boot message of a new process."""

    def take(self, worker: WorkerProcess, messages: list[Any]) -> None:
        """Take a worker's messages."""

    def up(self, worker: WorkerProcess) -> None:
        """Note that a worker is ready for legs."""

    def down(self, worker: WorkerProcess) -> None:
        """Note that a worker is gone, with all its legs."""

    def failed(self, index: int, why: str) -> None:
        """Note that a worker ended, or could not be started."""


class WorkerKeeper:
    """Keeps the worker of one index running.

    Attributes:
        worker: the present process, if there is one; it may still be starting.
        first: settled when the first process is ready, with MediaError when it failed before.
    """

    def __init__(self, index: int, owner: Owner, clock: Callable[[], float] = time.monotonic) -> None:
        self.worker: WorkerProcess | None = None
        self._index = index
        self._owner = owner
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self.first: asyncio.Future[None] = self._loop.create_future()

    async def run(self) -> None:
        """Keep the worker running until cancelled, then end it, by force if necessary."""
        failures = 0
        while True:
            began = self._clock()
            try:
                why = await self._live()
            except Exception as error:  # no error may end the keeper
                log.exception("keeper_failed", worker=self._index)
                why = f"could not be kept: {error}"
            failures = 0 if self._clock() - began > STEADY_S else failures
            pause = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
            failures += 1
            log.error("worker_down", worker=self._index, why=why, failures=failures, again_in_s=pause)
            if not self.first.done():
                self.first.set_exception(MediaError(f"worker {self._index} {why}"))
                self.first.exception()  # retrieved here: `WorkerPool.start` does not await every one
            self._owner.failed(self._index, why)
            await asyncio.sleep(pause)

    async def _live(self) -> str:
        """Run one process from its start to its end; return why it ended."""
        try:
            worker = self._launch()
        except (OSError, RuntimeError) as error:  # there is no free descriptor, process, memory or thread
            return f"could not be started: {error}"
        self.worker = worker
        try:
            hung = await self._watch(worker)
        except asyncio.CancelledError:
            worker.mailbox.post(StopWorker())
            await asyncio.to_thread(_end, worker.process, STOP_S)
            raise
        else:
            self.worker = None
            self._owner.down(worker)
        finally:
            self.worker = None
            await asyncio.to_thread(_bury, worker)
        return "said nothing for too long and was killed" if hung else _end_of(worker)

    def _launch(self) -> WorkerProcess:
        process, mailbox = start_process("callguard.worker", self._owner.boot(self._index))
        worker = WorkerProcess(self._index, process, mailbox)
        worker.listener = threading.Thread(
            target=self._listen, args=(worker,), name=f"worker {self._index}", daemon=True
        )
        try:
            worker.listener.start()
        except RuntimeError:
            worker.listener = None
            _bury(worker)
            raise
        return worker

    async def _watch(self, worker: WorkerProcess) -> bool:
        """Wait for a worker's end; kill it when it is silent for too long. Return whether it was killed.

        Only seconds in which control was awake count: after a pause of control's own (SIGSTOP, a suspended machine) the
        messages of a healthy worker are still on their way.
        """
        while not worker.over.is_set():
            began = self._clock()
            with contextlib.suppress(TimeoutError):
                await within(worker.over.wait(), WATCH_S)
            worker.silent_s += min(self._clock() - began, AWAKE_S)
            if worker.hangs():
                worker.process.kill()
                return True
        return False

    def _listen(self, worker: WorkerProcess) -> None:
        """Hand a worker's messages to the loop until it is gone. Runs in a thread: half a message blocks no loop."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            while True:
                try:
                    messages = worker.mailbox.receive(None)
                except GarbledError as error:
                    log.warning("message_malformed", worker=worker.index, why=str(error))
                    continue
                except GoneError:
                    self._loop.call_soon_threadsafe(worker.over.set)
                    return
                self._loop.call_soon_threadsafe(self._take, worker, messages)

    def _take(self, worker: WorkerProcess, messages: list[Any]) -> None:
        worker.silent_s = 0.0
        if not worker.ready and any(isinstance(message, WorkerReady) for message in messages):
            worker.ready = True
            if not self.first.done():
                self.first.set_result(None)
            self._owner.up(worker)
        self._owner.take(worker, [message for message in messages if not isinstance(message, WorkerReady)])


def _end(process: "subprocess.Popen[bytes]", patience_s: float) -> None:
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _bury(worker: WorkerProcess) -> None:
    """Free the resources of a worker that closed its connection or was killed."""
    _end(worker.process, EXIT_S)
    if worker.listener is not None:
        worker.listener.join()  # ends at once: the other end is closed
    worker.mailbox.close()


def _end_of(worker: WorkerProcess) -> str:
    code = worker.process.returncode
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    return how if worker.ready else f"{how} while starting"
