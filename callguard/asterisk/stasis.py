"""Two helpers for making objects in Asterisk: wait until a channel is ours, and clean up whatever happens."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from callguard.asterisk.errors import AriError, ConflictError, UnreachableError
from callguard.asterisk.events import ChannelDestroyed, StasisStart
from callguard.asterisk.waiter import Waiter
from callguard.runtime.tasks import within

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def into_stasis(waiter: Waiter, channel: str, request: Coroutine[Any, Any, T], timeout_s: float) -> T:
    """Create `channel` by a request and wait until it is in our application; return the request's answer.

    Before the channel is there, Asterisk answers 409 or 422.

    Raises:
        AriError: the request failed, the channel died, or it did not arrive in time.
    """
    with waiter.on(channel, StasisStart, ChannelDestroyed) as seen:
        answer = await request
        try:
            event = await within(seen, timeout_s)
        except TimeoutError:
            raise UnreachableError(f"channel {channel} did not enter the application in {timeout_s:g} s") from None
    if not isinstance(event, StasisStart):
        raise ConflictError(f"channel {channel} died before it entered the application")
    return answer


async def quietly(*requests: Coroutine[Any, Any, object]) -> None:
    """Make all requests of a clean-up; a failing request is logged and stops none of the others.

    All are made even where the caller is cancelled meanwhile: gather would drop requests that have not begun.
    """
    work = asyncio.gather(*requests, return_exceptions=True)
    try:
        results = await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
    for result in results:
        if isinstance(result, AriError):
            log.warning("clean_up_failed", error=str(result))
        elif isinstance(result, BaseException):
            raise result
