"""Logging: structlog to standard error, text on a terminal, JSON lines where asked.

The reader of standard error may stop reading. A thread of its own therefore writes the lines. Lines that do not fit in
its queue are dropped and counted: no loop ever waits for a log line.
"""

import logging
import os
import queue
import select
import sys
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener
from typing import Any, Final

import structlog

from callguard.config import Logging

MOST_WAITING: Final = 5000
"""Lines that may wait for standard error; about a megabyte."""
FLUSH_S: Final = 1.0
"""Seconds that the process waits at its end until all lines are written."""
_STDERR: Final = 2


class DroppingHandler(QueueHandler):
    """Renders records in the thread that logs them and leaves writing to another thread.

    Args:
        descriptor: open file that lines go to.

    Attributes:
        dropped: lines that did not fit in the queue.
    """

    def __init__(self, descriptor: int) -> None:
        self._lines: queue.Queue[Any] = queue.Queue(MOST_WAITING)
        super().__init__(self._lines)
        self.dropped = 0
        self._untold = 0
        QueueListener(self._lines, _Writer(descriptor)).start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Render a record now: its objects may have changed by the time it is written."""
        return logging.makeLogRecord({"msg": self.format(record)})

    def enqueue(self, record: logging.LogRecord) -> None:
        """Queue a line for the thread, after a line that counts the dropped ones before it."""
        try:
            self._tell_dropped()
            self._lines.put_nowait(record)
        except queue.Full:
            self.dropped += 1
            self._untold += 1

    def flush(self) -> None:
        """Wait until every line is written, for FLUSH_S at most."""
        if self._written():
            self._tell_dropped()
            self._written()

    def _tell_dropped(self) -> None:
        if self._untold:
            self._lines.put_nowait(self.prepare(_notice(self._untold)))
            self._untold = 0

    def _written(self) -> bool:
        with self._lines.all_tasks_done:
            return self._lines.all_tasks_done.wait_for(lambda: not self._lines.unfinished_tasks, FLUSH_S)

    def close(self) -> None:
        """End the thread once it has written all lines that wait."""
        with suppress(queue.Full):
            self._lines.put_nowait(None)  # QueueListener's sign of the end
        super().close()


class _NoLock:
    """A lock that nobody ever waits for."""

    def acquire(self) -> None:
        """Take it."""

    def release(self) -> None:
        """Give it back."""

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Writer(logging.Handler):
    """Writes lines past Python's buffers: a thread that hangs in them would hang the end of the process too."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def createLock(self) -> None:  # noqa: N802 # logging's name
        """Create a lock that never waits: one thread writes, and `logging.shutdown` must not wait for it."""
        self.lock = _NoLock()  # type: ignore[assignment] # it has all methods that logging calls

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, however long that takes."""
        left = f"{record.msg}\n".encode(errors="replace")
        with suppress(OSError):  # nobody reads any more
            while left:
                select.select([], [self._descriptor], [])
                with suppress(BlockingIOError):
                    left = left[os.write(self._descriptor, left) :]


def configure(config: Logging) -> None:
    """Set up logging for this process; the standard library's records go through the same handler."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if config.json_lines
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    handler = _handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    if handler not in logging.getLogger().handlers:
        logging.basicConfig(handlers=[handler], force=True)
    logging.getLogger().setLevel(config.level.upper())
    logging.getLogger("panoramisk").setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def dropped() -> int:
    """Return how many lines this process dropped so far."""
    present = _present()
    return present.dropped if present else 0


def _present() -> DroppingHandler | None:
    mine = (handler for handler in logging.getLogger().handlers if isinstance(handler, DroppingHandler))
    return next(mine, None)


def _handler() -> logging.Handler:
    """Return the handler of standard error: one for the life of the process, so that no waiting line is lost.

    If a test or a shell replaced standard error, return a plain handler.
    """
    if sys.stderr is not sys.__stderr__:
        return logging.StreamHandler(sys.stderr)
    return _present() or DroppingHandler(_STDERR)


def _notice(count: int) -> logging.LogRecord:
    record = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": f"log_lines_dropped {count}"}
    return logging.makeLogRecord(record)
