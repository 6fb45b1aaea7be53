"""RTP sockets: one UDP port for each leg, pinned to one sender.

RTP carries no secret, so a stranger who finds a port could speak into a leg. Each leg has a random port of its own and
one sender, which the kernel fixes (`connect`), so that no other is read. The sender is the one that Asterisk announced
for the leg, and no datagram is read before it is known. Where address translation hides it, the first allowed source of
audio is the sender; a leg whose true sender was shut out is lost and tapped again.
"""

import random
import select
import socket
from collections import Counter
from typing import Any, Final

import numpy as np

from callguard.audio.codec import Format
from callguard.audio.frames import HOP_FRAMES, Rows
from callguard.audio.ingest.admission import Sources
from callguard.audio.rtp_receiver import RtpReceiver

PASSES: Final = 5
"""Most passes of one sweep over legs with MOST_READS waiting: one sweep clears a second of backlog."""
MOST_READS: Final = 2 * HOP_FRAMES
_FIRST_READS: Final = 64
"""Most datagrams read in one pass while the sender is not known, so that a flood can't delay the sweep."""

Address = tuple[str, int]


class PortsExhaustedError(Exception):
    """No UDP port of the range is free, or no more sockets may be opened."""


class Ports:
    """Sockets of all RTP legs.

    Attributes:
        counts: datagrams refused before a sender was known (`unpinned`), or of another sender (`foreign`).
    """

    def __init__(self, receiver: RtpReceiver, host: str, ports: tuple[int, int], sources: Sources) -> None:
        self.counts: Counter[str] = Counter()
        self._receiver = receiver
        self._host = host
        # Odd ports stay free: Asterisk sends RTCP to the port after the RTP port.
        self._even = range(ports[0] + ports[0] % 2, ports[1] + 1, 2)
        self._sockets: dict[int, socket.socket] = {}
        self._rows: dict[int, int] = {}
        self._sources = sources
        self._unannounced: set[int] = set()
        self._senders: dict[int, Address] = {}
        self._pinned: set[int] = set()
        """Rows whose socket holds datagrams of their sender only."""
        self._epoll = select.epoll()

    def open(self, row: int, form: Format, *, announced: bool = False) -> int:
        """Open a port for a leg whose dynamic payload types mean `form`.

        Args:
            announced: whether no datagram may be read before `pin` sets the sender.

        Raises PortsExhaustedError when none is free.
        """
        opened = self._bind()
        self._sockets[row] = opened
        self._rows[opened.fileno()] = row
        self._epoll.register(opened, select.EPOLLIN)
        if announced:
            self._unannounced.add(row)
        self._receiver.reset(row, form)
        return int(opened.getsockname()[1])

    def pin(self, row: int, sender: Address | None) -> None:
        """Accept a leg's media from this sender only; None: from the first allowed source of audio.

        Raises OSError where such an address can't reach this machine.
        """
        if row in self._unannounced:
            if sender is not None:
                sender = _as_seen(self._sockets[row], sender)
                self._sockets[row].connect(sender)
                self._senders[row] = sender
            self._unannounced.discard(row)

    def close(self, row: int) -> None:
        """Close a leg's port; do nothing where it has none."""
        opened = self._sockets.pop(row, None)
        if opened is not None:
            del self._rows[opened.fileno()]
            self._pinned.discard(row)
            self._unannounced.discard(row)
            self._senders.pop(row, None)
            opened.close()

    def sweep(self) -> Rows:
        """Read all waiting datagrams; return the rows that sent RTP, some of them repeatedly."""
        heard: list[Rows] = [np.empty(0, dtype=np.intp)]
        for _ in range(PASSES):
            ready = self._epoll.poll(0, len(self._rows) + 1)
            more = [self._read(self._rows[descriptor]) for descriptor, _ in ready]
            heard.append(self._receiver.drain())
            if not any(more):
                break
        return np.concatenate(heard)

    def shut(self) -> None:
        """Close every socket."""
        for row in list(self._sockets):
            self.close(row)
        self._epoll.close()

    def _bind(self) -> socket.socket:
        first = random.randrange(max(len(self._even), 1))
        for index in range(len(self._even)):
            candidate = self._socket()
            try:
                candidate.bind((self._host, self._even[(first + index) % len(self._even)]))
            except OSError:  # another leg or program has this port; the next one may be free
                candidate.close()
            else:
                return candidate
        raise PortsExhaustedError(f"no UDP port is free in {self._even.start}-{self._even.stop - 1}")

    def _socket(self) -> socket.socket:
        try:
            opened = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_DGRAM)
        except OSError as error:  # the process may open no more files
            raise PortsExhaustedError(f"no UDP socket: {error.strerror}") from error
        opened.setblocking(False)
        return opened

    def _read(self, row: int) -> bool:
        """Read a leg's datagrams; return whether more may wait."""
        opened = self._sockets[row]
        if row in self._pinned:
            return self._receiver.fill(row, opened.recv_into, MOST_READS)
        if row in self._unannounced:
            return False
        return self._read_by_sender(row, opened)

    def _read_by_sender(self, row: int, opened: socket.socket) -> bool:
        """Read the datagrams from before the pinning, and fix an unknown sender by the first audio.

        After these, only the sender's datagrams can follow.
        """
        receiver = self._receiver
        for _ in range(min(_FIRST_READS, receiver.free)):
            try:
                length, source = opened.recvfrom_into(receiver.views[receiver.used])
            except BlockingIOError:
                if row in self._senders:
                    self._pinned.add(row)
                return False
            sender = self._senders.get(row) or self._first(row, opened, length, source)
            if sender == source[:2]:
                receiver.received(row, length)
            else:
                self.counts["unpinned" if sender is None else "foreign"] += 1
        return True

    def _first(self, row: int, opened: socket.socket, length: int, source: tuple[Any, ...]) -> Address | None:
        """Return the source if it may be the leg's sender, else None."""
        if not (self._receiver.is_audio(row, length) and self._sources.allow(source[0])):
            return None
        opened.connect(source)
        self._senders[row] = source[0], source[1]
        return self._senders[row]


def _as_seen(opened: socket.socket, sender: Address) -> Address:
    """Return a sender's address as a socket reports it: a socket for IPv6 and IPv4 maps IPv4 addresses."""
    host, port = sender
    return (f"::ffff:{host}", port) if opened.family == socket.AF_INET6 and ":" not in host else sender
