"""Send commands: put a command on the stream and wait for its one answer."""

import time
from typing import Final

from redis.asyncio import Redis

from callguard.bus.keys import COMMAND_FIELDS, EVENT_FIELD, TYPE_FIELD, Keys
from callguard.bus.streams import last_id, read_after
from callguard.contracts.commands import Command
from callguard.contracts.events import PREFIX, CommandCompleted, CommandFailed, Envelope

ANSWERS: Final = (PREFIX + CommandCompleted.TYPE, PREFIX + CommandFailed.TYPE)
_BLOCK_MS: Final = 1000


async def ask(client: Redis, keys: Keys, command: Command, timeout_s: float) -> Envelope | None:
    """Send a command; return the event that answers it, or None after `timeout_s`. Raises RedisError."""
    position, deadline = await last_id(client, keys.events), time.monotonic() + timeout_s
    await client.xadd(keys.commands, {COMMAND_FIELDS[0]: command.model_dump_json(exclude_none=True)})
    while (left_s := deadline - time.monotonic()) > 0:
        block_ms = max(1, min(_BLOCK_MS, round(left_s * 1000)))
        for entry in await read_after(client, keys.events, position, block_ms):
            position = entry.id
            if entry.fields.get(TYPE_FIELD) not in ANSWERS:
                continue
            answer = Envelope.model_validate_json(entry.fields[EVENT_FIELD])
            if answer.data.get("command") == command.id:
                return answer
    return None
