"""The AudioSocket server: accepts connections, identifies their legs and reads them in sweeps.

A connection must first name an expected leg by its UUID; no other bytes are read before. A UUID has 122 random bits,
which only Asterisk knows, and it is accepted once: a second connection with the same UUID is refused. Connections that
have not named a leg are limited in number and time.
"""

import select
import socket
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from callguard.audio.audiosocket import ROOM, AudioSocketReceiver, End, Message, ProtocolError, identity
from callguard.audio.frames import Rows

MAX_STRANGERS: Final = 64
"""Connections beyond those expected that may be there without having named themselves."""
PASSES: Final = 4
"""Most passes of one sweep while a leg's buffer was full or a new connection came; each reads 12 frames of a leg."""
_BACKLOG: Final = 512


@dataclass(slots=True)
class _Guest:
    """A connection that has not named its leg."""

    connection: socket.socket
    deadline: float
    data: memoryview = field(default_factory=lambda: memoryview(bytearray(ROOM)))
    filled: int = 0


class Streams:
    """Listening socket and connections of all AudioSocket legs.

    Attributes:
        counts: connections refused: `unknown_leg`, `not_audiosocket`, `anonymous` (did not name themselves in time),
            `crowded` (too many at once), `not_accepted` (gone before, or too many open files).
    """

    def __init__(self, receiver: AudioSocketReceiver, host: str, port: int, identify_s: float) -> None:
        self.counts: Counter[str] = Counter()
        self._receiver = receiver
        self._identify_s = identify_s
        self._expected: dict[uuid.UUID, int] = {}
        self._rows: dict[int, int] = {}
        self._connections: dict[int, socket.socket] = {}
        self._guests: dict[int, _Guest] = {}
        self._more = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)

    @property
    def port(self) -> int:
        """Port on which connections are accepted."""
        return int(self._listener.getsockname()[1])

    def expect(self, row: int, leg: uuid.UUID) -> None:
        """Accept the first connection that names this leg as the row's stream."""
        self._expected[leg] = row

    def close(self, row: int) -> None:
        """Close a row's connection, or stop expecting it."""
        self._expected = {leg: owner for leg, owner in self._expected.items() if owner != row}
        connection = self._connections.pop(row, None)
        if connection is not None:
            del self._rows[connection.fileno()]
            connection.close()

    def sweep(self, now: float) -> tuple[Rows, dict[int, End]]:
        """Read all waiting bytes; return the rows that sent any, and the rows whose stream has ended."""
        heard: set[int] = set()
        ended: dict[int, End] = {}
        self._more = True
        for _ in range(PASSES):
            if not self._more:
                break
            fresh = self._read_all(now, ended)
            if fresh:
                for row, end in self._receiver.drain(np.array(sorted(fresh), dtype=np.intp)).items():
                    ended.setdefault(row, end)
                heard |= fresh
        self._refuse_late(now)
        return np.array(sorted(heard), dtype=np.intp), ended

    def shut(self) -> None:
        """Close every socket."""
        for row in list(self._connections):
            self.close(row)
        for guest in self._guests.values():
            guest.connection.close()
        self._guests.clear()
        self._epoll.close()
        self._listener.close()

    def _read_all(self, now: float, ended: dict[int, End]) -> set[int]:
        fresh: set[int] = set()
        self._more = False
        for descriptor, _ in self._epoll.poll(0, len(self._rows) + len(self._guests) + 1):
            row = self._rows.get(descriptor)
            if row is not None:
                if row not in ended and self._read(row, ended):
                    fresh.add(row)
            elif descriptor in self._guests:
                fresh |= self._meet(descriptor)
            else:
                self._accept(now)
        return fresh

    def _read(self, row: int, ended: dict[int, End]) -> bool:
        """Read once from a leg's connection; return whether bytes came."""
        connection, room = self._connections[row], self._receiver.room(row)
        try:
            count = connection.recv_into(room)
        except BlockingIOError:
            return False
        except OSError:  # a reset by the peer ends the stream as a close does
            count = 0
        if count:
            self._receiver.received(row, count)
            self._more |= count == len(room)
            return True
        ended[row] = "eof"
        self._epoll.unregister(connection)
        return False

    def _meet(self, descriptor: int) -> set[int]:
        """Read from a guest; return its row as soon as it has named its leg."""
        guest = self._guests[descriptor]
        try:
            count = guest.connection.recv_into(guest.data[guest.filled :])
            guest.filled += count
            message = identity(guest.data, guest.filled)
        except (OSError, ProtocolError):
            self._refuse(descriptor, "not_audiosocket")
            return set()
        if message is not None:
            return self._admit(descriptor, guest, message)
        if not count:
            self._refuse(descriptor, "not_audiosocket")
        return set()

    def _admit(self, descriptor: int, guest: _Guest, message: Message) -> set[int]:
        row = self._expected.pop(uuid.UUID(bytes=bytes(guest.data[message.start : message.end])), None)
        if row is None:
            self._refuse(descriptor, "unknown_leg")
            return set()
        del self._guests[descriptor]
        self._rows[descriptor], self._connections[row] = row, guest.connection
        self._receiver.reset(row, guest.data[message.end : guest.filled])
        self._more = True
        return {row}

    def _accept(self, now: float) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:  # the client has gone, or the process may open no more files
                self.counts["not_accepted"] += 1
                return
            if len(self._guests) >= len(self._expected) + MAX_STRANGERS:
                self.counts["crowded"] += 1
                connection.close()
                continue
            connection.setblocking(False)
            self._guests[connection.fileno()] = _Guest(connection, now + self._identify_s)
            self._epoll.register(connection, select.EPOLLIN)
            self._more = True

    def _refuse(self, descriptor: int, why: str) -> None:
        self.counts[why] += 1
        self._guests.pop(descriptor).connection.close()

    def _refuse_late(self, now: float) -> None:
        for descriptor in [at for at, guest in self._guests.items() if guest.deadline < now]:
            self._refuse(descriptor, "anonymous")
