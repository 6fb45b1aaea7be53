"""Leases that Asterisk keeps: a channel that we stop renewing ends by itself.

`TIMEOUT(absolute)` on a channel of our application is such a lease. When it is not renewed, Asterisk ends the channel
within a second of its end. So a CallGuard that is killed, stopped or cut off is out of every conversation within the
lease, without any help.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import structlog

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError, NotFoundError
from callguard.runtime.tasks import within

log = structlog.get_logger(__name__)

VARIABLE: Final = "TIMEOUT(absolute)"
MODULE: Final = "func_timeout.so"
"""Module that keeps leases. Without it Asterisk accepts the variable, answers 204, and keeps no lease."""
NOT_KEPT: Final = (
    f"{MODULE} is not loaded: Asterisk keeps no leases, so that a supervisor would go on hearing a call, and be heard, "
    f"if CallGuard were killed; load it in modules.conf"
)
NONE: Final = "0"
"""Value that removes a lease."""
PERSON_S: Final = 6.0
"""Lease in seconds of channels that let a supervisor or a prompt into a conversation."""
MEDIA_S: Final = 120.0
"""Lease in seconds of a tap by external media, which nobody hears. 1,000 calls then cost 100 renewals a second."""
SWEEP_S: Final = 2.0
EARLY_S: Final = 0.2
"""Seconds by which a sweep may renew a lease early."""
RENEWALS: Final = 3
"""Renewals in one lease: two of them may fail."""


@dataclass(eq=False)
class _Lease:
    length_s: float
    renewed_at: float
    request: "asyncio.Task[None] | None" = None

    def is_due(self, now: float) -> bool:
        return now - self.renewed_at >= self.length_s / RENEWALS - EARLY_S and self.request is None


class Leases:
    """The leases of this node's channels, renewed in one sweep while `run` runs."""

    def __init__(self, ari: AriClient) -> None:
        self._ari = ari
        self._leases: dict[str, _Lease] = {}
        self.blind = False
        """Whether Asterisk's events are lost. Consultations go unnoticed then, so people's leases run out."""

    def __contains__(self, channel: str) -> bool:
        return channel in self._leases

    async def grant(self, channel: str, length_s: float = PERSON_S) -> None:
        """Put a channel of our application under a lease. Raises AriError when it gets none."""
        asked_at = time.monotonic()
        await self._set(channel, length_s)
        self._leases[channel] = _Lease(length_s, asked_at)

    def drop(self, channel: str) -> None:
        """Stop renewing a lease at once: the channel is to end, or has ended."""
        self._leases.pop(channel, None)

    async def lift(self, channel: str) -> None:
        """Remove a lease, so that the channel may leave our application. Raises AriError when the lease stays.

        It waits for a renewal that is under way, which would otherwise put the lease back.
        """
        lease = self._leases.pop(channel, None)
        if lease is None:
            return
        if lease.request is not None:
            await asyncio.wait([lease.request])
        try:
            await self._ari.set_variable(channel, VARIABLE, NONE)
        except BaseException:
            self._leases[channel] = lease
            raise

    def restore(self, channel: str, length_s: float = PERSON_S) -> None:
        """Put back a lease that was lifted in vain; the next sweep renews it in Asterisk."""
        self._leases.setdefault(channel, _Lease(length_s, float("-inf")))

    def has_run_out(self, channel: str) -> bool:
        """Return whether a lease was not renewed in time: Asterisk has ended the channel, or is about to."""
        lease = self._leases.get(channel)
        return lease is not None and time.monotonic() - lease.renewed_at >= lease.length_s

    def see(self) -> None:
        """Renew all remaining leases at once: events come in again."""
        self.blind = False
        self.renew()

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            self.renew()
            await asyncio.sleep(SWEEP_S)

    def renew(self) -> None:
        """Renew all leases that are due, concurrently. A request that hangs delays no other."""
        now = time.monotonic()
        for channel, lease in self._leases.items():
            if lease.is_due(now) and not (self.blind and lease.length_s == PERSON_S):
                lease.request = asyncio.create_task(self._renew(channel, lease, now))

    async def _renew(self, channel: str, lease: _Lease, now: float) -> None:
        try:
            await within(self._set(channel, lease.length_s), lease.length_s)
            lease.renewed_at = now
        except NotFoundError:
            self.drop(channel)
        except (AriError, TimeoutError) as error:
            log.warning("lease_not_renewed", channel=channel, error=str(error) or type(error).__name__)
        finally:
            lease.request = None

    async def _set(self, channel: str, length_s: float) -> None:
        await self._ari.set_variable(channel, VARIABLE, f"{length_s:g}")
