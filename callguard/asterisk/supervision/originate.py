"""Rings one supervisor's phone until it is picked up."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import RefusedError, ServerError
from callguard.asterisk.events import ChannelDestroyed, StasisStart
from callguard.asterisk.supervision.session import Requested, Session, SupervisionError
from callguard.asterisk.upkeep.leases import PERSON_S, VARIABLE, Leases
from callguard.asterisk.upkeep.reconciler import SESSION_VARIABLE
from callguard.asterisk.waiter import Waiter
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)

CAUSES: Final = {17: "busy", 18: "no_answer", 19: "no_answer", 21: "refused", 16: "no_answer", 26: "no_answer"}
"""Q.850 causes of a supervisor's channel that never answered; all others mean that the phone can't be reached."""
MARGIN_S: Final = 5.0
"""Seconds after the end of the ringing, which Asterisk sees to, until we stop waiting for its report."""


@dataclass(frozen=True, slots=True)
class Dial:
    """The endpoint to ring, the caller id to show, the time limit in seconds, the channel's note for a later run."""

    endpoint: str
    caller_id: str
    timeout_s: float
    note: str


async def pick_up(
    ari: AriClient, watch: Waiter, leases: Leases, session: Session, dial: Dial, on_ringing: Callable[[], None]
) -> None:
    """Take a session from Requested to Briefed, its channel under a lease. Raises SupervisionError or AriError.

    The phone rings under a lease of `timeout_s` and 6 s more. It ends a channel that is answered while we are stopped.
    """
    with watch.on(session.channel, StasisStart, ChannelDestroyed) as seen:
        await _originate(ari, session, dial)
        session.state, session.rung_at = (ringing := Requested().ring(time.time())), time.monotonic()
        on_ringing()
        try:
            event = await within(seen, dial.timeout_s + MARGIN_S)
        except TimeoutError:
            raise SupervisionError("no_answer") from None
    if isinstance(event, ChannelDestroyed):
        raise SupervisionError(CAUSES.get(event.cause, "unreachable"))
    session.state = ringing.answer(time.time())
    await leases.grant(session.channel)


async def _originate(ari: AriClient, session: Session, dial: Dial) -> None:
    try:
        await ari.originate(
            session.channel,
            endpoint=dial.endpoint,
            caller_id=dial.caller_id,
            timeout_s=dial.timeout_s,
            variables={SESSION_VARIABLE: dial.note, VARIABLE: f"{dial.timeout_s + PERSON_S:g}"},
        )
    except (RefusedError, ServerError) as error:
        log.info("supervisor_unreachable", supervisor=session.supervisor, error=str(error))
        raise SupervisionError("unreachable") from error
