"""Messages between control and a worker: posting never blocks, whatever the other side does.

A thread writes what was posted, in batches, so that a slow or stopped reader holds up nobody's loop. Both ends are
processes of this program and were connected by inheritance, so that messages travel pickled.
"""

import contextlib
import ctypes
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from multiprocessing.connection import Connection
from typing import Any, Final

MOST_WAITING: Final = 2000
"""Messages that may wait for a slow reader before those that can be spared are dropped."""
_CLOSE_S: Final = 1.0
_PR_SET_PDEATHSIG: Final = 1
# One core a process: numerical libraries must not start threads of their own.
_ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class GoneError(Exception):
    """The other side has closed its end or died."""


class GarbledError(Exception):
    """Bytes came that are no message."""


class Mailbox:
    """One end of a connection.

    Attributes:
        dropped: spared messages dropped because the other side did not read.
    """

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self.dropped = 0
        self._connection = connection
        self._waiting: deque[Any] = deque()
        self._returned: list[Any] = []
        self._news = threading.Event()
        self._closing = False
        self._writer = threading.Thread(target=self._write, name="mailbox", daemon=True)
        self._writer.start()

    def post(self, message: object, *, spare: bool = False) -> None:
        """Send a message soon; one that can be spared is dropped when too many wait. After close: nothing."""
        if spare and len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(message)
        self._news.set()

    def receive(self, timeout: float | None) -> list[Any]:
        """Return the messages of one batch, none after `timeout` seconds without one (None: wait for ever).

        Raises GoneError when the other side is gone, GarbledError when a batch can't be read.
        """
        if self._returned:
            batch, self._returned = self._returned, []
            return batch
        try:
            if not self._connection.poll(timeout):
                return []
            data = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise GoneError from error
        try:
            batch = pickle.loads(data)  # noqa: S301 # both ends are this program, joined by an inherited socket pair
        except Exception as error:  # unpickling may raise anything
            raise GarbledError(str(error)) from error
        if not isinstance(batch, list):
            raise GarbledError(f"a batch is a list, found {type(batch).__name__}")
        return batch

    def put_back(self, messages: list[Any]) -> None:
        """Have messages of a batch received again, before all others."""
        self._returned = messages + self._returned

    def close(self) -> None:
        """Write what waits, for a second at most, and close."""
        self._closing = True
        self._news.set()
        self._writer.join(_CLOSE_S)
        self._connection.close()

    def _write(self) -> None:
        while not (self._closing and not self._waiting):
            self._news.wait()
            self._news.clear()
            batch = []
            while self._waiting:
                batch.append(self._waiting.popleft())
            try:
                if batch:
                    self._connection.send_bytes(pickle.dumps(batch))
            except (OSError, ValueError):  # gone or closed: `receive` says so to the owner
                self._closing = True
                self._waiting.clear()


def start_process(module: str, boot: object) -> tuple["subprocess.Popen[bytes]", Mailbox]:
    """Run a module of this program as a process that answers at a mailbox and ends with this one.

    It is run with the number of a file descriptor as its argument, from which `accept_boot` makes the other end.
    Raises OSError or RuntimeError when no descriptor, process or thread is to be had; then nothing is left behind.
    """
    ours, theirs = socket.socketpair()
    with contextlib.ExitStack() as undo:
        undo.callback(ours.close)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 # this program's own interpreter and module
                [sys.executable, "-m", module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT},
            )
        undo.callback(process.wait)
        undo.callback(process.kill)
        mailbox = Mailbox(Connection(ours.detach()))
        undo.pop_all()
    mailbox.post((os.getpid(), boot))
    return process, mailbox


def accept_boot(descriptor: int) -> tuple[Mailbox, Any]:
    """Return a started process's mailbox and what it was told first; from now on it ends with the one that started it.

    Ctrl-C, which reaches the whole process group, is left to that one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    mailbox = Mailbox(Connection(descriptor))
    (parent, boot), *later = mailbox.receive(None)
    mailbox.put_back(later)  # what was posted before the boot message was written came in the same batch
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)  # it was gone before the kernel was asked
    return mailbox, boot
