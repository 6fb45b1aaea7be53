"""The AudioSocket server: accepts connections, identifies their legs and reads them in sweeps.

A connection must first name an expected leg by its UUID; no other bytes are read before. A UUID has 122 random bits,
which only Asterisk knows, and it is accepted once: a second connection with the same UUID is refused. Connections that
have not named a leg are limited in time, in number and by source; see `admission`.
"""

import errno
import select
import socket
import uuid
from collections import Counter
from typing import Final

import numpy as np

from callguard.audio.audiosocket import AudioSocketReceiver, End, Message, ProtocolError, identity
from callguard.audio.frames import Rows
from callguard.audio.ingest.admission import Sources, Stranger, Strangers

PASSES: Final = 4
"""Most passes of one sweep while a leg's buffer was full or a new connection came; each reads 12 frames of a leg."""
MOST_ACCEPTS: Final = 128
"""Most connections accepted in one pass, so that a flood can't delay the sweep."""
_BACKLOG: Final = 512
_NO_DESCRIPTOR: Final = (errno.EMFILE, errno.ENFILE)


class Streams:
    """Listening socket and connections of all AudioSocket legs.

    Attributes:
        counts: connections refused: `unknown_leg`, `not_audiosocket`, `anonymous` (did not name themselves in time),
            `crowded` (the oldest of too many at once, or of a process that may open no more files), `foreign` (from
            an address that may not send), `not_accepted` (gone before, or no file could be opened).
    """

    def __init__(
        self, receiver: AudioSocketReceiver, host: str, port: int, identify_s: float, sources: Sources
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._receiver = receiver
        self._identify_s = identify_s
        self._sources = sources
        self._expected: dict[uuid.UUID, int] = {}
        self._rows: dict[int, int] = {}
        self._connections: dict[int, socket.socket] = {}
        self._strangers = Strangers()
        self._more = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        both = host == "::"
        self._listener = socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both)
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
        for descriptor in self._strangers.descriptors():
            self._strangers.take(descriptor).connection.close()
        self._epoll.close()
        self._listener.close()

    def _read_all(self, now: float, ended: dict[int, End]) -> set[int]:
        fresh: set[int] = set()
        self._more = False
        for descriptor, _ in self._epoll.poll(0, len(self._rows) + len(self._strangers) + 1):
            row = self._rows.get(descriptor)
            if row is not None:
                if row not in ended and self._read(row, ended):
                    fresh.add(row)
            elif descriptor in self._strangers:
                fresh |= self._meet(descriptor)
            elif descriptor == self._listener.fileno():  # anything else was closed since the poll
                fresh |= self._accept(now)
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
        """Read from a stranger; return its row as soon as it has named its leg."""
        stranger = self._strangers[descriptor]
        try:
            count = stranger.connection.recv_into(stranger.data[stranger.filled :])
            stranger.filled += count
            message = identity(stranger.data, stranger.filled)
        except BlockingIOError:
            return set()
        except (OSError, ProtocolError):
            self._refuse(descriptor, "not_audiosocket")
            return set()
        if message is not None:
            return self._admit(descriptor, stranger, message)
        if not count:
            self._refuse(descriptor, "not_audiosocket")
        return set()

    def _admit(self, descriptor: int, stranger: Stranger, message: Message) -> set[int]:
        row = self._expected.pop(uuid.UUID(bytes=bytes(stranger.data[message.start : message.end])), None)
        if row is None:
            self._refuse(descriptor, "unknown_leg")
            return set()
        self._strangers.take(descriptor)
        self._rows[descriptor], self._connections[row] = row, stranger.connection
        self._receiver.reset(row, stranger.data[message.end : stranger.filled])
        self._more = True
        return {row}

    def _accept(self, now: float) -> set[int]:
        """Accept new connections; return the rows of those that have already named their leg."""
        fresh: set[int] = set()
        for _ in range(MOST_ACCEPTS):
            try:
                connection, address = self._listener.accept()
            except BlockingIOError:
                return fresh
            except OSError as error:  # the client has gone, or the process may open no more files
                self._not_accepted(error)
                return fresh
            fresh |= self._welcome(connection, str(address[0]), now)
        self._more = True
        return fresh

    def _welcome(self, connection: socket.socket, source: str, now: float) -> set[int]:
        if not self._sources.allow(source):
            self.counts["foreign"] += 1
            connection.close()
            return set()
        connection.setblocking(False)
        self._epoll.register(connection, select.EPOLLIN)
        self._strangers.add(Stranger(connection, source, now + self._identify_s))
        fresh = self._meet(connection.fileno())
        while (oldest := self._strangers.excess(len(self._expected))) is not None:
            self._refuse(oldest, "crowded")
        return fresh

    def _not_accepted(self, error: OSError) -> None:
        """Count the connection; if no more files may be opened, close a stranger to make room for the next one."""
        self.counts["not_accepted"] += 1
        oldest = self._strangers.oldest()
        if error.errno in _NO_DESCRIPTOR and oldest is not None:
            self._refuse(oldest, "crowded")
            self._more = True

    def _refuse(self, descriptor: int, why: str) -> None:
        self.counts[why] += 1
        self._strangers.take(descriptor).connection.close()

    def _refuse_late(self, now: float) -> None:
        for descriptor in self._strangers.late(now):
            self._refuse(descriptor, "anonymous")
