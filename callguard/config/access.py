"""Who may do what: roles and their rights, and the programs that may send commands."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from callguard.config.base import Secret, Section
from callguard.contracts.vocabulary import RIGHTS, Right

ROLES: Final[Mapping[str, tuple[Right, ...]]] = {
    "supervisor": ("listen", "whisper", "barge", "takeover", "prompt", "stop", "ack", "judge", "silence"),
    "agent": ("help", "abuse", "quiet"),
    "qa": ("listen", "stop", "judge"),
    "manager": ("listen", "whisper", "barge", "takeover", "prompt", "stop", "ack", "judge", "silence", "opt_out"),
    "ops": ("stop", "reload"),
    "dialplan": ("opt_out",),
    "auditor": (),
    "operator": RIGHTS,
}
"""The roles that exist without any configuration."""


CLI: Final = "cli"
"""Sender name of the command line."""


class Access(Section):
    """Roles and their rights.

    Without configuration: `supervisor` joins calls in each mode, plays prompts, releases supervisors (stop), takes and
    judges alerts, and silences them; `manager` also deletes a call's data (opt_out); `qa` listens, leaves and judges;
    `ops` releases supervisors and reloads; `auditor` acts in nothing; `agent` keys help, abuse and quiet; `dialplan`
    opts out (FastAGI); `operator` has every right and is the role of the command line on the node's own machine.
    """

    roles: dict[str, tuple[Right, ...]] = Field(
        {},
        description="Rights by role. A role that is named here has these rights only; the others keep theirs. "
        "Further roles may be added.",
    )

    @property
    def rights(self) -> Mapping[str, tuple[Right, ...]]:
        """Return the rights of every role that exists."""
        return {**ROLES, **self.roles}


class Sender(Section):
    """One program that sends signed commands."""

    key: Secret = Field(
        description="Key of its signatures: hex HMAC-SHA256 of sender, `at` and command. At least 16 characters."
    )
    role: str = Field(description="Role, whose rights bound each command of this sender.")
    teams: tuple[str, ...] = Field((), description="Teams in whose calls it may act; empty: all.")
    supervisors: tuple[str, ...] = Field(
        (), description="Names of the supervisors for whom it may act; empty: all that are configured."
    )
