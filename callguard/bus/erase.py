"""Delete the events of a call from the events stream after one of its parties opted out.

Three kinds of events stay: the end of the call by opt-out, later events, and answers to commands. The audit stream is
not touched: it proves people's acts and holds no inferences about a caller.
"""

from typing import Final

from redis.asyncio import Redis

from callguard.bus.keys import CALL_FIELD, EVENT_FIELD, TYPE_FIELD, Keys
from callguard.bus.streams import pages
from callguard.contracts.events import PREFIX, CallEnded

KEPT: Final = PREFIX + "command."
_END: Final = PREFIX + CallEnded.TYPE


async def erase(client: Redis, keys: Keys, call: str) -> int:
    """Delete a call's baselines, and its events up to its last end by opt-out; return the events' number.

    Raises RedisError.
    """
    await client.delete(keys.baselines(call))
    pending: list[str] = []
    deleted = 0
    async for page in pages(client, keys.events):
        for entry in page:
            if entry.fields.get(CALL_FIELD) != call or entry.fields.get(TYPE_FIELD, "").startswith(KEPT):
                continue
            if entry.fields.get(TYPE_FIELD) == _END and '"opt_out"' in entry.fields.get(EVENT_FIELD, ""):
                deleted += await client.xdel(keys.events, *pending) if pending else 0
                pending = []
            else:
                pending.append(entry.id)
    return deleted
