"""Permits what is keyed on phones: a supervisor's keys and an agent's codes. A refusal is published."""

from collections.abc import Callable, Mapping

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision.session import Session
from callguard.authority import Ask, Asker, Authority, ForbiddenError, Grant
from callguard.authority.asker import agent, phone
from callguard.contracts.events import CommandFailed, Event
from callguard.contracts.vocabulary import Right


class Permits:
    """The doors of keys and codes. `calls` are the present calls by id."""

    def __init__(self, authority: Authority, calls: Mapping[str, Call], emit: Callable[[Event], None]) -> None:
        self._authority = authority
        self._calls = calls
        self._emit = emit

    def key(self, session: Session, right: Right) -> Grant | None:
        """Return the permission for a key on a supervisor's phone; None: there is none."""
        supervisor = self._authority.supervisor(session.supervisor)
        asker = phone(supervisor) if supervisor else Asker(session.supervisor, "keys", "")
        ask = Ask(right, session.supervisor, self._teams(session.call))
        action = "judge" if right == "judge" else "set_mode"
        return self._permit(asker, ask, session.call, action, session.supervisor)

    def code(self, call: Call, right: Right) -> Grant | None:
        """Return the permission for a code that a call's agent keyed; None: there is none."""
        return self._permit(agent(call.member or ""), Ask(right), call.id, right)

    def _permit(self, asker: Asker, ask: Ask, call: str, action: str, supervisor: str | None = None) -> Grant | None:
        try:
            return self._authority.decide(asker, ask)
        except ForbiddenError as error:
            self._emit(CommandFailed(call=call, action=action, supervisor=supervisor, **error.facts))
            return None

    def _teams(self, call: str) -> frozenset[str]:
        present = self._calls.get(call)
        return self._authority.teams.of(present.queue) if present else frozenset()
