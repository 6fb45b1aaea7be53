"""Let a coroutine wait for the next event of an object in Asterisk."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from callguard.asterisk.events import AriEvent


class Waiter:
    """Futures by the id of their object; the reader of events settles them."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[tuple[type, ...], asyncio.Future[AriEvent]]]] = {}

    @contextmanager
    def on(self, subject: str, *kinds: type) -> Iterator[asyncio.Future[AriEvent]]:
        """Yield a future of the first event of `kinds` about `subject`; enter before the request to Asterisk."""
        future: asyncio.Future[AriEvent] = asyncio.get_running_loop().create_future()
        entry = (kinds, future)
        self._waiting.setdefault(subject, []).append(entry)
        try:
            yield future
        finally:
            future.cancel()
            entries = self._waiting[subject]
            entries.remove(entry)
            if not entries:
                del self._waiting[subject]

    def waits_for(self, subject: str) -> bool:
        """Return whether a future waits for an object."""
        return subject in self._waiting

    def see(self, event: AriEvent) -> None:
        """Settle the futures that wait for an event."""
        for kinds, future in self._waiting.get(event.subject, ()):
            if isinstance(event, kinds) and not future.done():
                future.set_result(event)
