"""The names on the wire, in one place."""

from dataclasses import dataclass
from typing import Final

EVENT_FIELD: Final = "event"
TYPE_FIELD: Final = "type"
CALL_FIELD: Final = "call"
COMMAND_FIELDS: Final = ("command", "event", "data")
"""Fields of a commands-stream entry that may hold the command's JSON; the first is the documented one."""
ENTRY_FIELD: Final = "entry"
NUMBER_FIELD: Final = "number"
PREVIOUS_FIELD: Final = "previous"
HASH_FIELD: Final = "hash"
GROUP: Final = "callguard"
"""Consumer group of the commands stream."""


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys that CallGuard uses in Redis, under one prefix."""

    prefix: str = "callguard:"

    @property
    def events(self) -> str:
        """Stream of events."""
        return f"{self.prefix}events"

    @property
    def commands(self) -> str:
        """Stream of commands."""
        return f"{self.prefix}commands"

    @property
    def audit(self) -> str:
        """Stream of audit entries, never trimmed."""
        return f"{self.prefix}audit"

    @property
    def calls(self) -> str:
        """Hash: linkedid → JSON of a present call."""
        return f"{self.prefix}calls"

    @property
    def alerts(self) -> str:
        """Hash: alert → JSON of an open alert."""
        return f"{self.prefix}alerts"

    @property
    def signals(self) -> str:
        """Hash: linkedid → JSON of a call's present signals."""
        return f"{self.prefix}signals"

    @property
    def nodes(self) -> str:
        """Sorted set: node → Unix time of its last sign of life."""
        return f"{self.prefix}nodes"

    def node(self, node: str) -> str:
        """Expiring string: JSON of the calls that a live node hears and of its failed parts."""
        return f"{self.prefix}node:{node}"

    def alert_state(self, node: str) -> str:
        """Hash: part of a node's alert store → JSON; gone a week after the node's last write."""
        return f"{self.prefix}alert-state:{node}"

    @property
    def wake(self) -> str:
        """Pub/sub channel that reports changes; a message is the type of the last event."""
        return f"{self.prefix}wake"

    def baselines(self, call: str) -> str:
        """Hash of a call, gone an hour after its last write: role and channel → JSON of the party's calm baseline."""
        return f"{self.prefix}baselines:{call}"

    def command(self, command_id: str) -> str:
        """String: the state of a command."""
        return f"{self.prefix}command:{command_id}"
