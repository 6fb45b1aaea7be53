"""Messages between control and a worker: posting never blocks, even if the other side hangs.

A thread writes posted messages in batches, so that a slow or stopped reader delays no event loop. Messages travel
pickled: both ends are processes of this program, connected by an inherited socket pair.
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
"""Messages that may wait for a slow reader; beyond it, expendable messages are dropped."""
_CLOSE_S: Final = 1.0
_PR_SET_PDEATHSIG: Final = 1
# One core a process: numerical libraries must not start threads of their own.
_ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class GoneError(Exception):
    """The other side has closed its end or died."""


class GarbledError(Exception):
    """The other side sent bytes that are no message."""


class Mailbox:
    """One end of a connection.

    Attributes:
        dropped: expendable messages dropped because the other side did not read.
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
        """Send a message soon; drop an expendable one when too many wait. After close, do nothing."""
        if spare and len(self._waiting) >= MOST_WAITING:
            self.dropped += 1
            return
        self._waiting.append(message)
        self._news.set()

    def receive(self, timeout: float | None) -> list[Any]:
        """Return the messages of one batch; none after `timeout` seconds without a batch (None: wait for ever).

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
        """Return messages of a batch to the mailbox: `receive` gives them first."""
        self._returned = messages + self._returned

    def close(self) -> None:
        """Write all messages that wait, for a second at most, and close."""
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
    """Run a module of this program as a process with a mailbox; it ends with this process.

    Its argument is the number of a file descriptor, of which `accept_boot` makes the other end of the mailbox. Raises
    OSError or RuntimeError when there is no free descriptor, process or thread; then nothing is left behind.
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
    """Return a started process's mailbox and its boot message; from now on this process ends with its parent.

    Ctrl-C reaches the whole process group; only the parent obeys it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    mailbox = Mailbox(Connection(descriptor))
    (parent, boot), *later = mailbox.receive(None)
    mailbox.put_back(later)  # messages posted before the boot message was written came in the same batch
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)  # the parent was gone before the kernel was asked
    return mailbox, boot
