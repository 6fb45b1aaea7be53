"""A handler and a gate for tests of the way of commands: everything unsigned is let in, everything is permitted."""

from collections.abc import Awaitable, Callable
from typing import Any

from callguard.authority import Asker, Grant
from callguard.authority.signature import Gate
from callguard.config import Config
from callguard.contracts.commands import Command

TRUSTING = Config.model_validate({"redis": {"trust": "loopback"}})


class Permitting:
    """Hands each command to a function, whoever sent it."""

    def __init__(self, carry_out: Callable[[Command], Awaitable[dict[str, Any]]]) -> None:
        self._carry_out = carry_out

    def permit(self, command: Command, asker: Asker) -> Grant:
        return Grant(asker.name, asker.door, command.right)

    async def __call__(self, command: Command, grant: Grant) -> dict[str, Any]:
        return await self._carry_out(command)


def open_gate() -> Gate:
    return Gate(TRUSTING, lambda _: {})
