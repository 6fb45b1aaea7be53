"""Remembers supervisors' sessions that have not ended, so that each end is told: by the next run, if not by this one.

A service that is killed, or that stops while Asterisk is out of reach, leaves sessions whose end it could not see.
Their supervisors are out within seconds, by leases that Asterisk keeps.
"""

from collections.abc import Callable, Container
from typing import Final

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from callguard.contracts.events import (
    Event,
    Published,
    SupervisionEnded,
    SupervisionEvent,
    SupervisionFailed,
    SupervisionRequested,
    SupervisionRinging,
)
from callguard.contracts.vocabulary import SupervisionMode
from callguard.runtime.journal import Journal

log = structlog.get_logger(__name__)

SESSION: Final = "session"
"""Kind of a journalled session; key: its identifier."""


class _Open(BaseModel):
    """A session that has not ended."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    call: str
    supervisor: str
    mode: SupervisionMode | None
    alert: str | None = None
    joined: bool

    def end(self, session: str) -> Event:
        """Return the event that tells the end; when it was, nobody saw."""
        facts = self.model_dump(exclude={"joined"}) | {"session": session, "reason": "restart"}
        if self.joined:
            return SupervisionEnded.model_validate(facts | {"lasted_s": None})
        return SupervisionFailed.model_validate(facts)


class OpenSessions:
    """This node's sessions. `emit` publishes events."""

    def __init__(self, journal: Journal, emit: Callable[[Event], None]) -> None:
        self._journal = journal
        self._emit = emit
        self._left = journal.records(SESSION)
        """Sessions that an earlier run left and whose end is not told."""

    def see(self, happened: Published) -> None:
        """Take in an event."""
        event = happened.event
        if not isinstance(event, SupervisionEvent):
            return
        self._left.pop(event.session, None)
        self._journal.stage(SESSION, event.session, _text(event))
        self._journal.commit()

    def settle(self, present: Container[str]) -> None:
        """Tell the end of each session that an earlier run left, unless it is `present`: being ended by this run."""
        for session in [session for session in self._left if session not in present]:
            text = self._left.pop(session)
            try:
                self._emit(_Open.model_validate_json(text).end(session))
            except ValidationError:  # of another version
                log.warning("session_unreadable", session=session)
                self._journal.stage(SESSION, session, None)


def _text(event: SupervisionEvent) -> str | None:
    """Return a session's record after an event; None: it has ended."""
    if isinstance(event, SupervisionEnded | SupervisionFailed):
        return None
    facts = event.model_dump(include={"call", "supervisor", "mode", "alert"})
    joined = not isinstance(event, SupervisionRequested | SupervisionRinging)
    return _Open(**facts, joined=joined).model_dump_json()
