"""The one decision: may this asker, by this door, do this act, for this supervisor, in the calls of these teams? Pure.

An act is granted when the asker's role holds its right, the asker may act for the supervisor, the supervisor is
configured and their role holds the right too, and both serve all teams that the act concerns. A right that is missing
anywhere forbids the act; the refusal names the first lack.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from callguard.authority.asker import Asker
from callguard.authority.teams import Teams
from callguard.config import Config, SupervisorConfig
from callguard.contracts.commands import CommandError
from callguard.contracts.vocabulary import Door, Right

FORBIDDEN: Final = "forbidden"
"""Reason of every refusal for want of a right."""


class ForbiddenError(CommandError):
    """An act that the asker has no right to.

    Attributes:
        missing: the lack, in words for the asker.
        sender: proved name of the asker; None where it was not proved.
    """

    def __init__(self, missing: str, door: Door, sender: str | None = None) -> None:
        super().__init__(FORBIDDEN)
        self.missing = missing
        self.door: Door = door
        self.sender = sender

    @property
    def facts(self) -> dict[str, Any]:
        """Return the refusal as command.failed tells it."""
        return {"reason": self.reason, "missing": self.missing, "sender": self.sender, "door": self.door}

    def __str__(self) -> str:
        return f"{self.reason}: {self.missing}"


@dataclass(frozen=True, slots=True)
class Ask:
    """An act to decide on."""

    right: Right
    supervisor: str | None = None
    """Name or endpoint of the supervisor for whom the act is asked; None: the asker acts themselves."""
    teams: frozenset[str] = frozenset()
    """Teams of the calls that the act concerns."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission, as the audit tells it: the sender, the door and the right."""

    sender: str
    door: Door
    right: Right
    supervisor: SupervisorConfig | None = None


class Authority:
    """Decides by the configuration in force."""

    def __init__(self, config: Config) -> None:
        self.apply(config)

    def apply(self, config: Config) -> None:
        """Put other roles, supervisors and queues in force, from the next act on."""
        self._rights = config.access.rights
        self._supervisors = config.supervisors
        self.teams = Teams(config)

    def decide(self, asker: Asker, ask: Ask) -> Grant:
        """Return the permission for an act; raise ForbiddenError where something is missing."""
        supervisor = self._for_whom(asker, ask.supervisor)
        lack = self._lack(asker, ask, supervisor)
        if lack:
            raise ForbiddenError(lack, asker.door, asker.name)
        return Grant(asker.name, asker.door, ask.right, supervisor)

    def may(self, supervisor: SupervisorConfig, right: Right) -> bool:
        """Return whether a supervisor's role holds a right."""
        return right in self._rights.get(supervisor.role, ())

    def supervisor(self, given: str) -> SupervisorConfig | None:
        """Return a configured supervisor by name or endpoint."""
        return next((each for each in self._supervisors if given in (each.name, each.endpoint)), None)

    def _for_whom(self, asker: Asker, given: str | None) -> SupervisorConfig | None:
        """Return the supervisor for whom an act is asked; an asker for one supervisor alone acts for that one."""
        only = asker.supervisors[0] if len(asker.supervisors) == 1 else None
        wanted = given or only
        if wanted is None:
            if asker.supervisors:
                text = f"a supervisor: {asker.name!r} acts only for {_listed(asker.supervisors)}"
                raise ForbiddenError(text, asker.door, asker.name)
            return None
        found = self.supervisor(wanted)
        if found is None:
            known = _listed(each.name for each in self._supervisors)
            text = f"a configured supervisor: {wanted!r} is none; configured: {known}"
            raise ForbiddenError(text, asker.door, asker.name)
        return found

    def _lack(self, asker: Asker, ask: Ask, supervisor: SupervisorConfig | None) -> str | None:
        if supervisor and asker.supervisors and supervisor.name not in asker.supervisors:
            return f"{supervisor.name!r} among the supervisors of {asker.name!r}: {_listed(asker.supervisors)}"
        acting = [(asker.name, asker.role, asker.teams)]
        acting += [(supervisor.name, supervisor.role, supervisor.teams)] if supervisor else []
        for name, role, teams in acting:
            held = self._rights.get(role, ())
            if ask.right not in held:
                return f"right {ask.right!r}: role {role!r} of {name!r} has {_listed(held)}; see access.roles"
            if teams and (strange := sorted(ask.teams.difference(teams))):
                return f"team {strange[0]!r}: {name!r} serves {_listed(teams)}"
        return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
