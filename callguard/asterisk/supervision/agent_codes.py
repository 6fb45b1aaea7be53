"""Carries out the codes that an agent keys in mid-call: help, abuse, prompts off or on.

The dialplan runs UserEvent on the channel that keyed a code: CallGuardHelp, CallGuardAbuse, CallGuardQuiet.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.errors import AriError
from callguard.asterisk.supervision.announce import Announcer
from callguard.asterisk.supervision.prompts import Prompter
from callguard.asterisk.supervision.session import act
from callguard.authority import Grant
from callguard.config import SupervisionConfig
from callguard.contracts.events import AbuseEndedCall, AbuseWarned, AssistRequested, Event
from callguard.contracts.vocabulary import Right

log = structlog.get_logger(__name__)

PREFIX: Final = "CallGuard"
HELP: Final = 1
ABUSE: Final = 2
WARNING: Final = "abuse-warning"
"""Prompt that both parties hear."""


@dataclass(eq=False)
class _Abuse:
    """The steps taken against abuse in one call."""

    warning: "asyncio.Task[None] | None" = None
    warned_at: datetime | None = None
    """Time at which a warning had been played to its end."""
    end: "asyncio.Task[None] | None" = None
    """Task that ends the call; the call's end does not cancel it."""
    cut: bool = False
    """Whether the warning is cut because the customer can't hear it any more."""


class AgentCodes:
    """Carries the codes out. `on_request(call id, code)` is called for codes that rules may use.

    `permit` returns the permission for a code; it publishes the refusal where there is none.
    """

    def __init__(
        self,
        ari: AriClient,
        announcer: Announcer,
        prompter: Prompter,
        config: SupervisionConfig,
        emit: Callable[[Event], None],
        on_request: Callable[[str, int], None],
        permit: Callable[[Call, Right], Grant | None],
    ) -> None:
        self._ari = ari
        self._announcer = announcer
        self._prompter = prompter
        self.config = config
        self._emit = emit
        self._on_request = on_request
        self._permit = permit
        self._abuse: dict[str, _Abuse] = {}

    def keyed(self, call: Call, event: str) -> None:
        """Take in a UserEvent that the agent of a call caused; ignore events of other programs."""
        code = event.removeprefix(PREFIX).lower()
        if event.startswith(PREFIX) and code in _CODES:
            right, carry_out = _CODES[code]
            if grant := self._permit(call, right):
                carry_out(self, call, grant)

    def parted(self, call: str) -> None:
        """Cut a warning that is being played: a consulted colleague would hear it, the customer would not."""
        abuse = self._abuse.get(call)
        if abuse and abuse.warning and not abuse.warning.done():
            abuse.cut = abuse.warning.cancel()

    def forget(self, call: str) -> None:
        """Forget a call that is over."""
        abuse = self._abuse.pop(call, None)
        if abuse and abuse.warning:
            abuse.warning.cancel()

    async def close(self) -> None:
        """Stop warnings that are being played."""
        begun = [task for abuse in self._abuse.values() for task in (abuse.warning, abuse.end) if task]
        for call in list(self._abuse):
            self.forget(call)
        await asyncio.gather(*begun, return_exceptions=True)

    def _help(self, call: Call, grant: Grant) -> None:
        self._on_request(call.id, HELP)
        self._emit(AssistRequested(call=call.id, basis="agent", agent=call.member, queue=call.queue, **act(grant)))

    def _quiet(self, call: Call, _: Grant) -> None:
        self._prompter.toggle(call.member or "")

    def _report_abuse(self, call: Call, grant: Grant) -> None:
        abuse = self._abuse.setdefault(call.id, _Abuse())
        if any(task and not task.done() for task in (abuse.warning, abuse.end)):
            return  # a warning is being played, or the call is being ended
        self._on_request(call.id, ABUSE)
        in_hearing = call.together and not call.on_hold
        if in_hearing and abuse.warned_at is not None and self.config.abuse_ends_call:
            abuse.end = asyncio.create_task(self._end(call, abuse.warned_at, grant))
        else:
            abuse.warning = asyncio.create_task(self._warn(call, abuse, grant))

    async def _warn(self, call: Call, abuse: _Abuse, grant: Grant) -> None:
        played, abuse.cut = False, False
        try:
            if call.together and not call.on_hold:
                played = await self._announcer.announce(call.agent or "", WARNING, "both")
        except AriError as error:
            log.warning("abuse_warning_failed", call=call.id, error=str(error))
        except asyncio.CancelledError:
            if not abuse.cut:
                raise
        if played:
            abuse.warned_at = datetime.now(UTC)
        self._emit(AbuseWarned(call=call.id, basis="agent", agent=call.member, played=played, **act(grant)))

    async def _end(self, call: Call, warned_at: datetime, grant: Grant) -> None:
        try:
            await self._ari.hang_up(call.customer)
        except AriError as error:
            log.warning("abuse_end_failed", call=call.id, error=str(error))
        else:
            facts = {"agent": call.member, "warned_at": warned_at, **act(grant)}
            self._emit(AbuseEndedCall(call=call.id, basis="agent", **facts))


_CODES: Final[dict[str, tuple[Right, Callable[[AgentCodes, Call, Grant], None]]]] = {
    "help": ("help", AgentCodes._help),
    "abuse": ("abuse", AgentCodes._report_abuse),
    "quiet": ("quiet", AgentCodes._quiet),
}
