"""Carry out and answer each command once: Redis holds the state of each command beside its answer.

    nothing --claim--> doing:<entry>:<process> --answer--> done:<event>

The answer is one script: it marks the command as done, adds the event and acknowledges the entry, or does none of it.
"""

from enum import Enum, auto
from typing import Any, Final

from redis.asyncio import Redis

from callguard.bus.keys import CALL_FIELD, EVENT_FIELD, GROUP, TYPE_FIELD, Keys
from callguard.contracts.events import Envelope

REMEMBER_S: Final = 86_400
"""Seconds for which a command's identifier is remembered."""
_DONE: Final = "done:"
_ANSWER: Final = f"""
local state = redis.call('GET', KEYS[1])
if not state or string.sub(state, 1, {len(_DONE)}) ~= '{_DONE}' then
  state = '{_DONE}' .. ARGV[1]
  redis.call('SET', KEYS[1], state, 'EX', {REMEMBER_S})
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*',
    '{EVENT_FIELD}', ARGV[2], '{TYPE_FIELD}', ARGV[3], '{CALL_FIELD}', ARGV[4])
  redis.call('PUBLISH', ARGV[7], ARGV[3])
end
redis.call('XACK', KEYS[3], '{GROUP}', ARGV[6])
return state
"""


class Claim(Enum):
    """The decision about an entry of the commands stream."""

    DO = auto()
    INTERRUPTED = auto()
    """A process that has died began the command; its outcome is not known."""
    REPEATED = auto()
    """Another entry with the same command is being answered or has been answered."""


class Idempotency:
    """Tracks the commands of one process."""

    def __init__(self, client: Redis, keys: Keys, process: str, events_maxlen: int) -> None:
        self._client = client
        self._keys = keys
        self._process = process
        self._maxlen = events_maxlen

    async def claim(self, command: str, entry: str) -> Claim:
        """Claim a command for this entry and process; safe to repeat."""
        key, mine = self._keys.command(command), f"doing:{entry}:{self._process}"
        if await self._client.set(key, mine, nx=True, ex=REMEMBER_S):
            return Claim.DO
        state: Any = await self._client.get(key)
        if state == mine:
            return Claim.DO
        return Claim.INTERRUPTED if str(state).startswith(f"doing:{entry}:") else Claim.REPEATED

    async def answer(self, command: str, entry: str, sent: Envelope) -> bool:
        """Answer and acknowledge an entry; return False where another process had answered. Safe to repeat."""
        keys = (self._keys.command(command), self._keys.events, self._keys.commands)
        facts = (sent.id, sent.to_json(), sent.type, sent.subject or "", self._maxlen, entry, self._keys.wake)
        state: Any = self._client.eval(_ANSWER, len(keys), *keys, *map(str, facts))
        return bool(await state == f"{_DONE}{sent.id}")

    async def forget(self, entry: str) -> None:
        """Acknowledge an entry that needs no answer."""
        await self._client.xack(self._keys.commands, GROUP, entry)
