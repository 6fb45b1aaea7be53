"""Prompts to agents: not too often, and none to an agent who has turned them off or can't hear them."""

import asyncio
import time
from typing import Final

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.errors import AriError
from callguard.asterisk.supervision.announce import Announcer
from callguard.asterisk.supervision.session import SupervisionError

REFUSED: Final = "refused"
HOLD: Final = "hold"


def refusal(call: Call) -> str | None:
    """Return why a prompt can't reach a call's agent now; None where it can.

    A phone that holds plays nothing of what it gets, and the other party hears music.
    """
    if call.agent is None:
        return "no_call"
    if not call.together:
        return REFUSED
    return HOLD if call.on_hold else None


class Prompter:
    """Plays prompts to agents, at most one to each in `interval_s` seconds."""

    def __init__(self, announcer: Announcer, interval_s: float) -> None:
        self._announcer = announcer
        self.interval_s = interval_s
        self._last: dict[str, float] = {}
        self._quiet: set[str] = set()
        self._cuts: dict[asyncio.Future[str], str] = {}
        """Agent's channel by the future that gets a reason when the prompt under way is to stop."""

    def toggle(self, member: str) -> bool:
        """Turn prompts to a member off, or on again; return whether they are on. Publishes no event."""
        self._quiet ^= {member}
        return member not in self._quiet

    def follow(self, call: Call) -> None:
        """Cut the prompt under way where the agent can't hear it any more."""
        why = refusal(call)
        for cut in [cut for cut, agent in self._cuts.items() if agent == call.agent and not cut.done()]:
            if why:
                cut.set_result(why)

    async def prompt(self, call: Call, prompt: str) -> bool:
        """Play a prompt to the agent's channel; return False when the member has turned prompts off.

        Raises:
            SupervisionError: too soon after the last one, the agent could not hear it, or Asterisk could not play it.
        """
        agent, why = call.agent or "", refusal(call)
        if why:
            raise SupervisionError(why)
        if (call.member or "") in self._quiet:
            return False
        now = time.monotonic()
        self._last = {channel: at for channel, at in self._last.items() if now - at < self.interval_s}
        if agent in self._last:
            raise SupervisionError(REFUSED)
        self._last[agent] = now
        await self._play(agent, prompt)
        return True

    async def _play(self, agent: str, prompt: str) -> None:
        """Play to the end; a prompt that was cut does not count for the interval."""
        cut: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._cuts[cut] = agent
        playing = asyncio.create_task(self._announcer.announce(agent, prompt, "agent"))
        try:
            await asyncio.wait((playing, cut), return_when=asyncio.FIRST_COMPLETED)
            if cut.done():
                self._last.pop(agent, None)
                raise SupervisionError(cut.result())
            if not playing.result():
                raise SupervisionError("asterisk")
        except AriError as error:
            raise SupervisionError("asterisk") from error
        finally:
            del self._cuts[cut]
            playing.cancel()
