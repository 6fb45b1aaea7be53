"""Two habits of everybody who makes things in Asterisk: wait until it is ours, and clean up whatever happens."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from callguard.asterisk.client import AriError, ConflictError, UnreachableError
from callguard.asterisk.events import ChannelDestroyed, StasisStart
from callguard.asterisk.waiter import Waiter
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)


async def into_stasis(watch: Waiter, channel: str, request: Coroutine[Any, Any, None], timeout_s: float) -> None:
    """Make the request that creates `channel` and wait until it is in our application; before, commands get 409 or 422.

    Raises:
        AriError: the request failed, or the channel died or did not come in time.
    """
    with watch.on(channel, StasisStart, ChannelDestroyed) as seen:
        await request
        try:
            event = await within(seen, timeout_s)
        except TimeoutError:
            raise UnreachableError(f"channel {channel} did not enter the application in {timeout_s:g} s") from None
    if not isinstance(event, StasisStart):
        raise ConflictError(f"channel {channel} died before it entered the application")


async def quietly(*requests: Coroutine[Any, Any, object]) -> None:
    """Make all the requests of a clean-up; a failing one is logged and stops none of the others.

    All are made even when the caller is cancelled meanwhile: gather would drop those that have not begun.
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
