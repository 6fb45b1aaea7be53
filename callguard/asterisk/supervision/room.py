"""A supervisor's room: a bridge with the supervisor and one snoop on the agent's channel.

The snoop is the supervisor's ear and mouth. Its direction never changes: each mode has a snoop of its own. The order of
a change makes a leak impossible: the new snoop is created outside the room, where it carries no audio, and put under a
lease; the old one is removed and proved to be gone; only then does the new one enter. There is never more than one
mouth, and none while modes change. A cut wins against any change under way: its new snoop then never enters.
"""

import asyncio
import time
from typing import Final

from callguard.asterisk.client import AriClient, Spy
from callguard.asterisk.errors import AriError, UnreachableError
from callguard.asterisk.events import ChannelDestroyed, ChannelEnteredBridge
from callguard.asterisk.names import JOIN_CONTEXT, ear, name
from callguard.asterisk.stasis import into_stasis
from callguard.asterisk.upkeep.reconciler import Reconciler
from callguard.asterisk.upkeep.removal import Removal
from callguard.asterisk.waiter import Waiter
from callguard.contracts.vocabulary import SupervisionMode
from callguard.runtime.tasks import within

WHISPER: Final[dict[SupervisionMode, Spy]] = {"listen": "none", "whisper": "out", "barge": "both"}
"""ARI's whisper direction of each mode: to nobody, to the agent (played out by the agent's channel), to both."""
JOIN_VARIABLE: Final = "CALLGUARD_JOIN"
GONE_S: Final = 1.0
"""Most seconds for the proof that a snoop is gone, which must come before another one enters."""
DRAIN_S: Final = 0.06
"""Seconds of the supervisor's audio (3 frames of 20 ms) that the mixer may still hold when an old snoop is gone. A
whisper's last syllable must not come out of a barge."""
ENTER_S: Final = 3.0


class CutError(Exception):
    """The room was cut during a change."""


class LeaseError(Exception):
    """The lease on the supervisor's channel could not be removed, so the channel can't leave our application."""


class Room:
    """The room of one session. After any AriError it must be removed."""

    def __init__(self, ari: AriClient, watch: Waiter, reconciler: Reconciler, *, session: str, supervisor: str) -> None:
        self._ari = ari
        self._watch = watch
        self._reconciler = reconciler
        self._bridge = name(ari.app, "room", session)
        self._supervisor = supervisor
        self._snoop: str | None = None
        self.agent: str | None = None
        """Id of the agent's channel that the supervisor hears, or is about to hear; None: nobody."""
        self._entered_at = 0.0
        """Time at which the snoop was about to enter (monotonic clock)."""
        self.taking_over = False
        """Whether the supervisor's channel is moving into the call itself."""

    def close(self) -> Removal | None:
        """Remove bridge and snoop; return the snoop's removal, if there is one. An empty bridge needs no proof."""
        self._reconciler.remove(self._bridge)
        return self.cut()

    async def open(self) -> None:
        """Create the bridge with the supervisor in it."""
        self._reconciler.hold(self._bridge)
        await self._ari.create_bridge(self._bridge)
        await self._ari.add_to_bridge(self._bridge, self._supervisor)

    async def tune(self, mode: SupervisionMode, agent: str) -> None:
        """Let the supervisor hear an agent's channel and be heard as `mode` says: listen, whisper or barge.

        Raises:
            CutError: it was cut meanwhile; the supervisor hears nobody.
        """
        self.agent = agent
        fresh = ear(self._ari.app, mode)
        self._reconciler.hold(fresh)
        request = self._ari.snoop(agent, fresh, spy="both", whisper=WHISPER[mode])
        try:
            await into_stasis(self._watch, fresh, request, ENTER_S)
            await self._reconciler.leases.grant(fresh)
            await self._silence()
            self._check(agent)
            self._snoop, self._entered_at = fresh, time.monotonic()
            await self._ari.add_to_bridge(self._bridge, fresh)
            self._check(agent)
        except BaseException as error:
            self._reconciler.remove(fresh)
            if isinstance(error, AriError):
                self._check(agent)
            raise

    def cut(self) -> Removal | None:
        """Remove ear and mouth, also while another mode is being tuned; from this call on no snoop enters.

        Return the removal; None when there is no snoop.
        """
        self.agent = None
        if self._snoop is None:
            return None
        removal = self._reconciler.remove(self._snoop)
        if removal.proved:
            self._snoop = None
        return removal

    def lost(self, channel: str) -> bool:
        """Take in the end of a channel; return whether it was ear and mouth and ended unasked."""
        if channel != self._snoop or channel not in self._reconciler:
            return False
        self._reconciler.let_go(channel)
        self._snoop = self.agent = None
        return True

    def missed(self, alive: set[str], asked_at: float) -> bool:
        """Do the same for a snoop absent from all channels `alive`, requested at `asked_at` (monotonic clock)."""
        gone = self._snoop if self._snoop not in alive and self._entered_at < asked_at else None
        return gone is not None and self.lost(gone)

    async def silence(self) -> None:
        """Cut, and wait until ear and mouth are gone. Raises UnreachableError when there is no proof in `GONE_S`."""
        self.agent = None
        await self._silence()

    async def take_over(self, agent: str, agent_channel: str) -> None:
        """Move the supervisor into the call itself, through the dialplan. The agent is still there afterwards.

        Raises:
            CutError: it was cut meanwhile; the supervisor hears nobody.
            LeaseError: the lease could not be removed; nothing was changed.
        """
        await self._lift()
        try:
            self.agent = agent
            await self._silence()
            await self._ari.set_variable(self._supervisor, JOIN_VARIABLE, agent_channel)
            self._check(agent)
        except BaseException:
            self._reconciler.leases.restore(self._supervisor)
            raise
        self.taking_over = True
        try:
            await self._join(agent_channel)
        finally:
            self.taking_over = False
        self._reconciler.remove(self._bridge)

    async def _lift(self) -> None:
        """Remove the lease: in the dialplan it can't be renewed and would end the customer's only partner."""
        try:
            await self._reconciler.leases.lift(self._supervisor)
        except AriError as error:
            raise LeaseError(str(error)) from error

    async def _join(self, agent_channel: str) -> None:
        with self._watch.on(self._supervisor, ChannelEnteredBridge, ChannelDestroyed) as seen:
            await self._ari.continue_to(self._supervisor, context=JOIN_CONTEXT, extension="s")
            try:
                event = await within(seen, ENTER_S)
            except TimeoutError:
                raise UnreachableError(f"{self._supervisor} did not join {agent_channel} in {ENTER_S:g} s") from None
        if isinstance(event, ChannelDestroyed):
            raise UnreachableError(f"{self._supervisor} was hung up instead of joining {agent_channel}")

    def _check(self, agent: str) -> None:
        if self.agent != agent:
            raise CutError

    async def _silence(self) -> None:
        """Remove ear and mouth, and wait for the proof that they are gone."""
        old = self._snoop
        if old is None:
            return
        if not await self._reconciler.remove(old).within(GONE_S):
            raise UnreachableError(f"snoop {old} did not go in {GONE_S:g} s")
        if self._snoop == old:
            self._snoop = None
        await asyncio.sleep(DRAIN_S)
