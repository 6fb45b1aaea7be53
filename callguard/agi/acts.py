"""Act on the call of a channel: opt out, ask for help.

The dialplan belongs to the owner of the PBX, and could do the same by CALLGUARD and UserEvent. An opt-out is a command
by the right of role `dialplan`, so that it is answered and written down like that of any other door.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Final

from callguard.ari_app import AriApp
from callguard.authority import Asker
from callguard.authority.asker import dialplan
from callguard.contracts.commands import Command
from callguard.contracts.events import CommandCompleted, CommandFailed
from callguard.runtime.tasks import within

DONE: Final = "done"
NO_CALL: Final = "this channel is in no call"
CONFIRM_S: Final = 0.2
"""Seconds for which a script waits until an opt-out is confirmed; the opt-out goes on meanwhile."""

Submit = Callable[[Command, Asker], Awaitable[CommandCompleted | CommandFailed]]


class Acts:
    """Carries out what the dialplan asks; each method returns `done`, or the reason why not.

    Args:
        ari: the PBX.
        submit: carries a command of an asker out and returns its answer.
    """

    def __init__(self, ari: AriApp, submit: Submit) -> None:
        self._ari = ari
        self._submit = submit
        self._pending: set[asyncio.Future[CommandCompleted | CommandFailed]] = set()

    async def opt_out(self, channel: str) -> str:
        """Stop the analysis of a channel's present call, and delete its data."""
        call = self._ari.call_of(channel)
        if call is None:
            return NO_CALL
        command = Command(id=str(uuid.uuid4()), action="opt_out", call=call.id, supervisor=None)
        asked = asyncio.ensure_future(self._submit(command, dialplan()))
        self._pending.add(asked)
        asked.add_done_callback(self._pending.discard)
        try:
            answer = await within(asyncio.shield(asked), CONFIRM_S)
        except TimeoutError:
            return "asked for; the deletion is not confirmed yet"
        return DONE if isinstance(answer, CommandCompleted) else answer.reason

    def ask_for_help(self, channel: str) -> str:
        """Ask for help as the agent's code does."""
        return DONE if self._ari.agent_code(channel, "CallGuardHelp") else "this channel is no agent's in a call"
