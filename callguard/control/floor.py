"""What alerts ask about a call before they ring anybody for it."""

from collections.abc import Mapping

from callguard.alerts import Where
from callguard.asterisk.discovery.calls import Call


class Floor:
    """The present calls, as alerts see them."""

    def __init__(self, calls: Mapping[str, Call]) -> None:
        self._calls = calls

    def where(self, call: str) -> Where | None:
        """Return queue and agent of a call; None when there is no such call."""
        present = self._calls.get(call)
        return Where(present.queue, present.member) if present else None

    def joinable(self, call: str) -> bool:
        """Return whether a supervisor could join a call now: during a transfer it has no agent."""
        present = self._calls.get(call)
        return present is not None and present.agent is not None
