"""Deliveries due to one receiver: each alert's messages in order, repeats while nobody answers. Journalled. Pure.

Only a receiver that took an alert's beginning gets its end. Every delivery of a message, repeats included, carries the
same identifier.
"""

from collections import Counter, deque
from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Final, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from callguard.contracts.events import PREFIX, AlertResolved, Envelope

OWED: Final = "owed"
"""Kind of a journalled message that waits; key: receiver|number."""
TAKEN: Final = "taken"
"""Kind of a journalled alert whose beginning a receiver took and whose end is to follow; key: receiver|alert."""
LIMIT: Final = 10_000
"""Most messages that wait for one receiver, about 50 MB; beyond it the oldest alert is dropped."""
INFERRED: Final = ("evidence", "annotations", "score", "basis")
"""Facts of an alert that were inferred about people."""
_END: Final = PREFIX + AlertResolved.TYPE
_LAPSED: Final = 64
"""Lapsed notes that the agenda may hold besides as many as there are alerts."""


class Records(Protocol):
    """A journal."""

    def stage(self, kind: str, key: str, text: str | None) -> None:
        """Note that a record is to be written, or deleted (None)."""

    def records(self, kind: str) -> dict[str, str]:
        """Return the records of a kind by key."""


class Record(BaseModel):
    """A delivery in the journal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float
    """Unix time of the request; for a taken alert, of the last time that the receiver took it."""
    answered: bool = False
    envelope: Envelope


@dataclass(slots=True)
class Delivery:
    """A message and its progress."""

    envelope: Envelope
    at: float
    """As in Record."""
    number: int = -1
    """Its number in the journal; -1: it is not journalled."""
    due: float = 0.0
    """When to send it, monotonic seconds."""
    tries: int = 0
    answered: bool = False
    """Whether a supervisor owns the alert, so that it is not repeated."""

    @property
    def alert(self) -> str:
        """Identifier of its alert."""
        return str(self.envelope.data["alert"])

    @property
    def is_end(self) -> bool:
        """Whether it is the alert's end."""
        return self.envelope.type == _END


class Deliveries:
    """Messages that wait, and alerts that the receiver knows to be open.

    Args:
        receiver: its name, as rules use it.
        repeat_s: seconds after which an open alert that nobody answered is sent again; 0: never.
        give_up_s: seconds for which a message is tried.
    """

    def __init__(self, receiver: str, records: Records, repeat_s: float, give_up_s: float) -> None:
        self.repeat_s = repeat_s
        self.give_up_s = give_up_s
        self._receiver = receiver
        self._records = records
        self._owed: dict[str, deque[Delivery]] = {}
        self._taken: dict[str, Delivery] = {}
        self._waiting = 0
        self._number = 0
        self._agenda: list[tuple[float, float, int, int, Delivery]] = []
        """Heap of notes: due, at, number, an arbitrary order, the delivery. A note lapses when its alert has another
        delivery to come, or another time."""
        self._notes = count()

    def __len__(self) -> int:
        return self._waiting

    def keep_to(self, repeat_s: float, give_up_s: float) -> None:
        """Repeat and give up by other settings from now on; a repeat that is due already keeps its time."""
        self.repeat_s, self.give_up_s = repeat_s, give_up_s
        self._tidy()

    def restore(self, wall: float, now: float) -> None:
        """Take up the journal's deliveries. `wall`: Unix time; `now`: monotonic seconds, here and below."""
        for key, record in _read(self._records, OWED, self._receiver):
            self._number = int(key) + 1
            self._queue(Delivery(record.envelope, record.at, int(key), answered=record.answered))
        for _, record in _read(self._records, TAKEN, self._receiver):
            due = now + max(0.0, record.at + self.repeat_s - wall)
            taken = Delivery(record.envelope, record.at, due=due, answered=record.answered)
            self._take(taken)

    def add(self, envelope: Envelope, wall: float) -> int:
        """Add a message; return how many were dropped to make room. An end without a beginning is not added."""
        delivery = Delivery(envelope, wall, self._number)
        if delivery.is_end and delivery.alert not in self._owed and delivery.alert not in self._taken:
            return 0
        self._number += 1
        self._queue(delivery)
        self._keep(delivery)
        return self._make_room()

    def replace(self, envelope: Envelope, wall: float) -> None:
        """Add a message that replaces the waiting one of its alert; it is neither journalled nor repeated."""
        delivery = Delivery(envelope, wall)
        self._remove(delivery.alert)
        self._queue(delivery)

    def next(self) -> Delivery | None:
        """Return the delivery that is due first: a message, or an alert to be repeated."""
        while self._agenda:
            due, *_, delivery = self._agenda[0]
            if self._to_come(delivery.alert) is delivery and delivery.due == due:
                return delivery
            heappop(self._agenda)
        return None

    def delivered(self, delivery: Delivery, wall: float, now: float) -> None:
        """Note that the receiver took it."""
        if not self._is_owed(delivery) and self._taken.get(delivery.alert) is not delivery:
            return  # it was forgotten meanwhile
        self._drop(delivery)
        if delivery.number < 0 and delivery.alert not in self._taken:
            return
        if delivery.is_end:
            self._forget_taken(delivery.alert)
            return
        taken = Delivery(delivery.envelope, wall, answered=delivery.answered, due=now + self.repeat_s)
        self._take(taken)
        self._keep_taken(taken)

    def failed(self, delivery: Delivery, wall: float, due: float) -> bool:
        """Note that the receiver did not take it; return whether to give it up."""
        self._postpone(delivery, due)
        return self._is_owed(delivery) and delivery.number >= 0 and wall - delivery.at > self.give_up_s

    def give_up(self, delivery: Delivery, now: float) -> None:
        """Stop trying, and drop the alert's later messages; a repeat waits for its next time."""
        self._postpone(delivery, now + self.repeat_s)
        if not self._is_owed(delivery):
            return
        if delivery.is_end:
            self._forget_taken(delivery.alert)
        self._remove(delivery.alert)

    def answered(self, alert: str) -> None:
        """Stop repeating an alert: a supervisor owns it."""
        for delivery in self._owed.get(alert, ()):
            delivery.answered = True
            self._keep(delivery)
        if (taken := self._taken.get(alert)) and not taken.answered:
            taken.answered = True
            self._keep_taken(taken)

    def forget(self, call: str) -> None:
        """Drop all inferred facts about a call, sent or not: a party opted out."""
        for alert in [alert for alert, queue in self._owed.items() if queue[0].envelope.subject == call]:
            self._remove(alert)
        for taken in self._taken.values():
            if taken.envelope.subject == call:
                taken.answered, taken.envelope = True, _without_inference(taken.envelope)
                self._keep_taken(taken)

    def clear(self) -> int:
        """Drop all deliveries: the receiver is gone. Return the number of dropped messages."""
        dropped = len(self)
        for alert in list(self._owed):
            self._remove(alert)
        for alert in list(self._taken):
            self._forget_taken(alert)
        return dropped

    # --- internals ---

    def _to_come(self, alert: str) -> Delivery | None:
        """Return an alert's next delivery: its first message, or else its repeat."""
        if queue := self._owed.get(alert):
            return queue[0]
        taken = self._taken.get(alert)
        return taken if taken and self.repeat_s > 0 and not taken.answered else None

    def _note(self, alert: str) -> None:
        """Enter an alert's next delivery in the agenda. To be called whenever it is another, or due at another time."""
        if delivery := self._to_come(alert):
            heappush(self._agenda, (delivery.due, delivery.at, delivery.number, next(self._notes), delivery))
        if len(self._agenda) > 2 * (len(self._owed) + len(self._taken)) + _LAPSED:
            self._tidy()

    def _tidy(self) -> None:
        """Write the agenda anew, without lapsed notes."""
        coming = filter(None, map(self._to_come, self._owed | self._taken))
        self._agenda = [(each.due, each.at, each.number, next(self._notes), each) for each in coming]
        heapify(self._agenda)

    def _queue(self, delivery: Delivery) -> None:
        queue = self._owed.setdefault(delivery.alert, deque())
        queue.append(delivery)
        self._waiting += 1
        if len(queue) == 1:
            self._note(delivery.alert)

    def _take(self, taken: Delivery) -> None:
        self._taken[taken.alert] = taken
        self._note(taken.alert)

    def _postpone(self, delivery: Delivery, due: float) -> None:
        delivery.due = due
        self._note(delivery.alert)

    def _is_owed(self, delivery: Delivery) -> bool:
        queue = self._owed.get(delivery.alert)
        return queue is not None and queue[0] is delivery

    def _make_room(self) -> int:
        before = len(self)
        while len(self) > LIMIT:
            self._remove(next(iter(self._owed)))
        return before - len(self)

    def _remove(self, alert: str) -> None:
        """Drop an alert's messages."""
        for delivery in self._owed.pop(alert, ()):
            self._waiting -= 1
            self._erase(delivery)
        self._note(alert)

    def _drop(self, delivery: Delivery) -> None:
        """Drop a message that was taken."""
        if not self._is_owed(delivery):
            return
        queue = self._owed[delivery.alert]
        if len(queue) == 1:
            self._remove(delivery.alert)
            return
        queue.popleft()
        self._waiting -= 1
        self._erase(delivery)
        self._note(delivery.alert)

    def _keep(self, delivery: Delivery) -> None:
        if delivery.number >= 0:
            self._stage(OWED, f"{delivery.number:012}", delivery)

    def _erase(self, delivery: Delivery) -> None:
        if delivery.number >= 0:
            self._records.stage(OWED, f"{self._receiver}|{delivery.number:012}", None)

    def _keep_taken(self, taken: Delivery) -> None:
        self._stage(TAKEN, taken.alert, taken)

    def _forget_taken(self, alert: str) -> None:
        if self._taken.pop(alert, None):
            self._records.stage(TAKEN, f"{self._receiver}|{alert}", None)

    def _stage(self, kind: str, key: str, delivery: Delivery) -> None:
        record = Record(at=delivery.at, answered=delivery.answered, envelope=delivery.envelope)
        self._records.stage(kind, f"{self._receiver}|{key}", record.model_dump_json(exclude_none=True))


def _read(records: Records, kind: str, receiver: str) -> Iterable[tuple[str, Record]]:
    """Yield a receiver's records by the last part of their keys; leave out unreadable ones (of another version)."""
    for key, text in records.records(kind).items():
        owner, _, rest = key.rpartition("|")
        if owner == receiver:
            with suppress(ValidationError):
                yield rest, Record.model_validate_json(text)


def _without_inference(envelope: Envelope) -> Envelope:
    kept = {name: value for name, value in envelope.data.items() if name not in INFERRED}
    return envelope.model_copy(update={"data": kept})


def drop_others(records: Records, receivers: Container[str]) -> Counter[str]:
    """Delete the deliveries of receivers that are not configured any more; count the deleted messages of each."""
    dropped: Counter[str] = Counter()
    for kind in (OWED, TAKEN):
        for key in records.records(kind):
            owner = key.rpartition("|")[0]
            if owner not in receivers:
                records.stage(kind, key, None)
                dropped[owner] += kind == OWED
    return dropped
