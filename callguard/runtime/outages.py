"""Keeps the parts of a node that are away, and publishes each outage when it begins and when it is over.

A part may report its state as often as it likes; only changes are published.
"""

from collections.abc import Callable, Mapping

import structlog

from callguard.contracts.events import Event, NodeDegraded, NodeRecovered

log = structlog.get_logger(__name__)


class Outages:
    """The parts of a node that are out of reach, overloaded or refused.

    Args:
        node: name of the node.
        emit: publishes an event.
    """

    def __init__(self, node: str, emit: Callable[[Event], None]) -> None:
        self._node = node
        self._emit = emit
        self._away: dict[str, str] = {}

    @property
    def parts(self) -> Mapping[str, str]:
        """The reason of each present outage, by part."""
        return self._away

    def away(self, part: str, why: str = "", *, detail: str = "") -> None:
        """Note that a part is away.

        Args:
            part: one word, a label of metrics: ari, redis, taps…
            why: for people; may be empty.
            detail: for the log alone.
        """
        if part not in self._away:
            self._away[part] = why
            log.warning("part_away", part=part, why=why or detail)
            self._emit(NodeDegraded(node=self._node, reason=f"{part}: {why}" if why else part))

    def back(self, part: str, what: str = "") -> None:
        """Note that a part is back; `what` tells people the cost of the outage."""
        if self._away.pop(part, None) is not None:
            log.info("part_back", part=part, what=what)
            self._emit(NodeRecovered(node=self._node, reason=f"{part}: {what}" if what else part))

    def report(self, part: str, why: str | None) -> None:
        """Note that a part is away for the reason `why`, or back (None)."""
        if why is None:
            self.back(part)
        else:
            self.away(part, why)
