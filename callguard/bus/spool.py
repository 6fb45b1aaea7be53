"""Keep events in the journal, from before they are sent until Redis has them, so that they outlive this process."""

from typing import Final

from pydantic import ValidationError

from callguard.bus import audit
from callguard.contracts.events import PREFIX, CallEnded, Envelope
from callguard.runtime.journal import Journal

EVENT: Final = "event"
"""Kind of a journalled event that the events stream lacks; its number is the key."""
AUDIT: Final = "audit"
"""Kind of a journalled event that the audit stream lacks."""
_KEPT: Final = (f"{PREFIX}alert.", PREFIX + CallEnded.TYPE, *audit.AUDITED)
"""Decisions, acts and ends of calls. Other events describe a present state, and are published again after a restart."""


class Spool:
    """This node's journalled events for Redis."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._calls: dict[str, str] = {}
        """Call of each event that the stream lacks, by its key."""
        earlier = [*journal.records(EVENT), *journal.records(AUDIT)]
        self._next = int(max(earlier, default="0")) + 1

    def keep(self, kind: str, envelope: Envelope, text: str) -> str | None:
        """Journal an event that Redis lacks; return its key, or None where its type need not survive."""
        if not envelope.type.startswith(_KEPT):
            return None
        key = f"{self._next:015}"
        self._next += 1
        self._stage(kind, key, text, envelope.subject)
        return key

    def commit(self) -> None:
        """Write the kept events to disk, before any of them is sent."""
        self._journal.commit()

    def sent(self, kind: str, key: str | None) -> None:
        """Remove an event that Redis has."""
        if key is not None:
            self._stage(kind, key, None, None)

    def left(self, kind: str) -> list[tuple[str, Envelope]]:
        """Return the events of an earlier run, with their keys, oldest first."""
        found = []
        for key, text in self._journal.records(kind).items():
            try:
                envelope = Envelope.model_validate_json(text)
            except ValidationError:  # of another version
                self._journal.stage(kind, key, None)
                continue
            self._stage(kind, key, text, envelope.subject)
            found.append((key, envelope))
        return found

    def forget(self, call: str) -> None:
        """Drop the events of an opted-out call; people's acts stay for the audit stream."""
        for key in [key for key, of in self._calls.items() if of == call]:
            self._stage(EVENT, key, None, None)

    def _stage(self, kind: str, key: str, text: str | None, call: str | None) -> None:
        self._journal.stage(kind, key, text)
        if text is None and kind == EVENT:
            self._calls.pop(key, None)
        elif kind == EVENT and call:
            self._calls[key] = call
