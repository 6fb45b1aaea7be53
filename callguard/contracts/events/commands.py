"""Events that answer commands. Pure."""

from typing import Any

from pydantic import Field

from callguard.contracts.events.base import Act


class CommandCompleted(Act):
    """A command was carried out. Exactly one completed/failed event answers each command."""

    TYPE = "command.completed.v1"
    command: str = Field(description="Identifier of the command.")
    action: str = Field(description="Requested action.")
    supervisor: str | None = Field(None, description="Supervisor for whom the action was requested.")
    result: dict[str, Any] = Field({}, description="Result of the action: session, silence, alert…")


class CommandFailed(Act):
    """A command could not be carried out, was forbidden or malformed; or a pressed key or code was forbidden."""

    TYPE = "command.failed.v1"
    command: str | None = Field(None, description="Identifier of the command, if it had one.")
    action: str | None = Field(None, description="Requested action, if it could be read.")
    supervisor: str | None = Field(None, description="Supervisor for whom it was requested, if it could be read.")
    reason: str = Field(description="The fault and the allowed values; forbidden: the sender lacks a right.")
    missing: str | None = Field(None, description="For forbidden: what the sender, or the supervisor, lacks.")
