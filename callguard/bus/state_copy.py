"""Copy a state of this node into a Redis hash, in the same transactions as the events.

So a reader who finds an event in the stream also finds its state.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from redis.asyncio.client import Pipeline

from callguard.bus.keys import Keys

KEEP_S: Final = 7 * 86_400
"""Seconds after its last write in which a copy expires."""


class StateCopy:
    """The changes of a state that Redis lacks.

    Args:
        key: of the hash.
        whole: returns the whole state, text by field.
    """

    def __init__(self, key: str, whole: Callable[[], Mapping[str, str]]) -> None:
        self.key = key
        self._whole = whole
        self._anew = True
        self._changed: dict[str, str | None] = {}

    def __bool__(self) -> bool:
        return self._anew or bool(self._changed)

    def note(self, changes: Mapping[str, str | None]) -> None:
        """Record fields to write, or to delete (None)."""
        self._changed |= changes

    def write_anew(self) -> None:
        """Record the whole state to write, which the server may have lost."""
        self._anew = True

    def take(self) -> "StateWrite":
        """Return the recorded changes, and clear them."""
        write = StateWrite(self, self._anew, dict(self._whole()) if self._anew else dict(self._changed))
        self._anew, self._changed = False, {}
        return write

    def put_back(self, write: "StateWrite") -> None:
        """Record a failed write again, unless newer changes wait."""
        self._anew = self._anew or write.anew
        self._changed = write.changes | self._changed


class StateWrite:
    """One round of writes."""

    def __init__(self, owner: StateCopy, anew: bool, changes: dict[str, str | None]) -> None:
        self._owner = owner
        self.anew = anew
        self.changes = changes

    def put_back(self) -> None:
        """Keep the failed write for later."""
        self._owner.put_back(self)

    def queue(self, pipe: Pipeline, keys: Keys) -> None:
        """Add the write to a transaction."""
        del keys  # each copy has a key of its own
        key = self._owner.key
        if self.anew:
            pipe.delete(key)
        kept: dict[Any, Any] = {field: text for field, text in self.changes.items() if text is not None}
        if kept:
            pipe.hset(key, mapping=kept)
        if gone := [field for field, text in self.changes.items() if text is None]:
            pipe.hdel(key, *gone)
        if self.changes:
            pipe.expire(key, KEEP_S)
