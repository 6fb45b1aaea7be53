"""Queue events until Redis takes them: bounded, in order, the least important dropped first. Pure."""

from collections import deque
from typing import Final, NamedTuple

from callguard.contracts.events import PREFIX, Envelope, NodeHearing

ALERT: Final = 3
ANSWER: Final = 2
OTHER: Final = 1
COUNT: Final = 0
"""A count that a newer one replaces."""
_COUNTS: Final = PREFIX + NodeHearing.TYPE
_ANSWERS: Final = tuple(PREFIX + noun for noun in ("node.", "command.", "supervision."))


class Message(NamedTuple):
    """An event and its text on the wire."""

    envelope: Envelope
    text: str
    key: str | None = None
    """Where the journal keeps it until it is sent; None: nowhere."""
    doubtful: bool = False
    """Whether an earlier run may have sent it."""


class _Waiting(NamedTuple):
    number: int
    message: Message


def importance(event_type: str) -> int:
    """Rank a full wire name: alerts are dropped last, answers before them, other events before those, counts first."""
    if event_type == _COUNTS:
        return COUNT
    if event_type.startswith(f"{PREFIX}alert."):
        return ALERT
    return ANSWER if event_type.startswith(_ANSWERS) else OTHER


class Outbox:
    """A queue of at most `limit` messages, first in, first out.

    Attributes:
        dropped: number of messages dropped since the start because the outbox was full.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ranks: tuple[deque[_Waiting], ...] = (deque(), deque(), deque(), deque())
        self._next = 0
        self.dropped = 0

    def __len__(self) -> int:
        return sum(map(len, self._ranks))

    def put(self, message: Message) -> Message | None:
        """Add a message; return the message that was dropped to make room, which may be this one."""
        self._ranks[importance(message.envelope.type)].append(_Waiting(self._next, message))
        self._next += 1
        if len(self) <= self._limit:
            return None
        self.dropped += 1
        return next(rank for rank in self._ranks if rank).popleft().message

    def forget(self, call: str, kept: tuple[str, ...]) -> None:
        """Drop the messages of a call, but for types that begin as one of `kept`."""
        for rank in self._ranks:
            stay = [each for each in rank if not _belongs(each.message.envelope, call, kept)]
            rank.clear()
            rank.extend(stay)

    def take(self, count: int) -> list[Message]:
        """Remove and return the oldest `count` messages, oldest first."""
        return [self._oldest().popleft().message for _ in range(min(count, len(self)))]

    def _oldest(self) -> deque[_Waiting]:
        return min((rank for rank in self._ranks if rank), key=lambda rank: rank[0].number)


def _belongs(envelope: Envelope, call: str, kept: tuple[str, ...]) -> bool:
    return envelope.subject == call and not envelope.type.startswith(kept)
