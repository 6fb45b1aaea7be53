"""The event hub: brings each event to every part, in one order, one event after another.

A handler may publish; its event waits until every handler has seen the present one. So each part sees the cause before
its effect, and all parts see the same order.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from callguard.contracts.events import Event, Published, published

log = structlog.get_logger(__name__)

Handler = Callable[[Published], None]


class EventHub:
    """A synchronous queue of events, first in, first out. Belongs to one event loop.

    Args:
        node: name of the node that publishes.
    """

    def __init__(self, node: str) -> None:
        self._node: Final = node
        self._handlers: tuple[Handler, ...] = ()
        self._queue: deque[Published] = deque()
        self._telling = False

    def connect(self, *handlers: Handler) -> None:
        """Add handlers; each event reaches handlers in the order in which they were added."""
        self._handlers += handlers

    def publish(self, event: Event) -> None:
        """Give an event its identity and time, and bring it to every handler. Never raises."""
        self.tell(published(event, self._node))

    def tell(self, happened: Published) -> None:
        """Bring an event that already has its identity to every handler. Never raises."""
        self._queue.append(happened)
        if self._telling:
            return
        self._telling = True
        try:
            while self._queue:
                self._tell(self._queue.popleft())
        finally:
            self._telling = False

    def _tell(self, happened: Published) -> None:
        for handler in self._handlers:
            try:
                handler(happened)
            except Exception:  # an error in one part must not keep an event from the others
                log.exception("event_handler_failed", type=happened.event.TYPE)
