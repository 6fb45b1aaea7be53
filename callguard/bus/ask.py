"""Send commands: put a command on the stream and wait for its one answer."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from callguard.bus.keys import COMMAND_FIELDS, EVENT_FIELD, TYPE_FIELD, Keys
from callguard.bus.streams import last_id, read_after
from callguard.contracts.commands import Command
from callguard.contracts.events import PREFIX, CommandCompleted, CommandFailed, Envelope

ANSWERS: Final = (PREFIX + CommandCompleted.TYPE, PREFIX + CommandFailed.TYPE)
AGAIN_S: Final = 0.2
_BLOCK_MS: Final = 1000


def unsigned(text: str) -> dict[str, str]:
    """Return the fields of an entry without a signature."""
    return {COMMAND_FIELDS[0]: text}


async def ask(
    client: Redis, keys: Keys, command: Command, timeout_s: float, fields: Callable[[str], dict[str, str]] = unsigned
) -> Envelope | None:
    """Send a command; return the event that answers it, or None after `timeout_s`. Raises RedisError.

    Once the command is sent, an error is raised only after `timeout_s`: Redis may be moving to another server.
    `fields` returns the fields of the entry for the command's text, such as its signature.
    """
    position, deadline = await last_id(client, keys.events), time.monotonic() + timeout_s
    entry: Any = fields(command.model_dump_json(exclude_none=True))
    await client.xadd(keys.commands, entry)
    while (left_s := deadline - time.monotonic()) > 0:
        block_ms = max(1, min(_BLOCK_MS, round(left_s * 1000)))
        try:
            read = await read_after(client, keys.events, position, block_ms)
        except RedisError:
            if left_s < AGAIN_S:
                raise
            await asyncio.sleep(AGAIN_S)
            continue
        for entry in read:
            position = entry.id
            if entry.fields.get(TYPE_FIELD) not in ANSWERS:
                continue
            answer = Envelope.model_validate_json(entry.fields[EVENT_FIELD])
            if answer.data.get("command") == command.id:
                return answer
    return None
