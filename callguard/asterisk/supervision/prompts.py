"""Prompts to agents: not too often, and none to an agent who has turned them off."""

import time

from callguard.asterisk.errors import AriError
from callguard.asterisk.supervision.announce import Announcer
from callguard.asterisk.supervision.session import SupervisionError


class Prompter:
    """Plays prompts to agents, at most one to each in `interval_s` seconds."""

    def __init__(self, announcer: Announcer, interval_s: float) -> None:
        self._announcer = announcer
        self.interval_s = interval_s
        self._last: dict[str, float] = {}
        self._quiet: set[str] = set()

    def toggle(self, member: str) -> bool:
        """Turn prompts to a member off, or on again; return whether they are on. Publishes no event."""
        self._quiet ^= {member}
        return member not in self._quiet

    async def prompt(self, agent: str, member: str, prompt: str) -> bool:
        """Play a prompt to the agent's channel; return False when the member has turned prompts off.

        Raises:
            SupervisionError: too soon after the last one, or Asterisk could not play it.
        """
        if member in self._quiet:
            return False
        now = time.monotonic()
        self._last = {channel: at for channel, at in self._last.items() if now - at < self.interval_s}
        if agent in self._last:
            raise SupervisionError("refused")
        self._last[agent] = now
        try:
            played = await self._announcer.announce(agent, prompt, "agent")
        except AriError as error:
            raise SupervisionError("asterisk") from error
        if not played:
            raise SupervisionError("asterisk")
        return True
