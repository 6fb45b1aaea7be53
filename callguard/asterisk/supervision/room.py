"""A supervisor's room: a bridge with the supervisor and one snoop on the agent's channel.

The snoop is the supervisor's ear and mouth. Its direction never changes: another mode is another snoop. The order makes
a leak impossible: the new snoop is made outside the room, where it carries nothing; the old one is deleted and seen to
be gone; only then the new one enters. There is never more than one mouth, and none while modes change. A cut wins
against whatever is under way: what was being tuned then never enters.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from callguard.asterisk.client import AriClient, AriError, Spy, UnreachableError
from callguard.asterisk.events import ChannelDestroyed, ChannelEnteredBridge
from callguard.asterisk.names import ear, name
from callguard.asterisk.stasis import into_stasis, quietly
from callguard.asterisk.waiter import Waiter
from callguard.contracts.vocabulary import SupervisionMode
from callguard.runtime.tasks import within

WHISPER: Final[dict[SupervisionMode, Spy]] = {"listen": "none", "whisper": "out", "barge": "both"}
"""Whom the supervisor speaks to: nobody, the agent (what the agent's channel plays out), both."""
JOIN_CONTEXT: Final = "callguard-join"
JOIN_VARIABLE: Final = "CALLGUARD_JOIN"
GONE_S: Final = 1.0
"""Seconds within which a deleted snoop must be seen to be gone."""
DRAIN_S: Final = 0.06
"""Frames of the supervisor that the mixer may still hold when an old snoop is gone (3 of 20 ms). A whisper's last
syllable must not come out of a barge."""
ENTER_S: Final = 3.0


class CutError(Exception):
    """The room was cut while something was under way."""


class Room:
    """The room of one session. Any AriError leaves it fit only for `close`."""

    def __init__(self, ari: AriClient, watch: Waiter, *, session: str, supervisor: str) -> None:
        self._ari = ari
        self._watch = watch
        self._bridge = name(ari.app, "room", session)
        self._supervisor = supervisor
        self._snoop: str | None = None
        self.agent: str | None = None
        """Id of the agent's channel that the supervisor hears, or is about to hear; None: nobody."""

    async def open(self) -> None:
        """Make the bridge with the supervisor in it."""
        await self._ari.create_bridge(self._bridge)
        await self._ari.add_to_bridge(self._bridge, self._supervisor)

    async def tune(self, mode: SupervisionMode, agent: str) -> None:
        """Let the supervisor hear an agent's channel and be heard as `mode` says: listen, whisper or barge.

        Raises:
            CutError: it was cut meanwhile; the supervisor hears nobody.
        """
        self.agent = agent
        fresh = ear(self._ari.app, mode)
        request = self._ari.snoop(agent, fresh, spy="both", whisper=WHISPER[mode])
        try:
            await into_stasis(self._watch, fresh, request, ENTER_S)
            await self._silence()
            self._check(agent)
            self._snoop = fresh
            await self._ari.add_to_bridge(self._bridge, fresh)
        except BaseException as error:
            await quietly(self._ari.hang_up(fresh))
            if isinstance(error, AriError):
                self._check(agent)
            raise

    def cut(self) -> Coroutine[Any, Any, None]:
        """Take ear and mouth away, also while another mode is being tuned; from this call on nothing enters."""
        self.agent = None
        return self._silence()

    async def take_over(self, agent: str, agent_channel: str) -> None:
        """Move the supervisor into the call itself, through the dialplan. The agent is still there afterwards.

        Raises:
            CutError: it was cut meanwhile; the supervisor hears nobody.
        """
        self.agent = agent
        await self._silence()
        await self._ari.set_variable(self._supervisor, JOIN_VARIABLE, agent_channel)
        self._check(agent)
        with self._watch.on(self._supervisor, ChannelEnteredBridge, ChannelDestroyed) as seen:
            await self._ari.continue_to(self._supervisor, context=JOIN_CONTEXT, extension="s")
            try:
                event = await within(seen, ENTER_S)
            except TimeoutError:
                raise UnreachableError(f"{self._supervisor} did not join {agent_channel} in {ENTER_S:g} s") from None
        if isinstance(event, ChannelDestroyed):
            raise UnreachableError(f"{self._supervisor} was hung up instead of joining {agent_channel}")
        await self.close()

    async def close(self) -> None:
        """Remove what the room consists of; the supervisor's channel is not its own."""
        snoops = [self._ari.hang_up(self._snoop)] if self._snoop else []
        self._snoop = None
        await quietly(*snoops, self._ari.destroy_bridge(self._bridge))

    def _check(self, agent: str) -> None:
        if self.agent != agent:
            raise CutError

    async def _silence(self) -> None:
        """Cut ear and mouth, and see that they are gone."""
        old = self._snoop
        if old is None:
            return
        with self._watch.on(old, ChannelDestroyed) as gone:
            if await self._ari.hang_up(old):
                try:
                    await within(gone, GONE_S)
                except TimeoutError:
                    raise UnreachableError(f"snoop {old} did not go in {GONE_S:g} s") from None
        if self._snoop == old:
            self._snoop = None
        await asyncio.sleep(DRAIN_S)
