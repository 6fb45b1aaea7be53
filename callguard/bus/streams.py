"""Read streams with types: the client library leaves the shape of answers open."""

from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

PAGE: Final = 1000
"""Entries of a page where a whole stream is read."""


class Entry(NamedTuple):
    """One entry of a stream."""

    id: str
    fields: dict[str, str]

    @property
    def at_ms(self) -> int:
        """Unix time in milliseconds at which Redis took the entry, by the server's clock."""
        return int(self.id.split("-")[0])


def entries(answer: Any) -> list[Entry]:
    """Return typed entries from a list of (id, fields); a trimmed entry that is still pending has no fields."""
    return [Entry(entry_id, fields or {}) for entry_id, fields in answer or []]


async def tail(client: Redis, stream: str, count: int = 1) -> list[Entry]:
    """Return the newest entries, newest first."""
    return entries(await client.xrevrange(stream, count=count))


async def pages(client: Redis, stream: str, first: str = "-") -> AsyncIterator[list[Entry]]:
    """Yield the pages of a stream from a position to its end, oldest first."""
    while page := entries(await client.xrange(stream, min=first, count=PAGE)):
        yield page
        first = f"({page[-1].id}"


async def last_id(client: Redis, stream: str) -> str:
    """Return the id of the newest entry: all later entries are new."""
    newest = await tail(client, stream)
    return newest[0].id if newest else "0-0"


async def read_after(client: Redis, stream: str, after: str, block_ms: int, count: int = 256) -> list[Entry]:
    """Return the entries after a position, oldest first; wait up to `block_ms` for the first."""
    answer: Any = await client.xread({stream: after}, count=count, block=block_ms)
    return entries(answer[0][1]) if answer else []


async def read_group(
    client: Redis, stream: str, group: str, consumer: str, *, after: str = ">", block_ms: int | None = None, count: int
) -> list[Entry]:
    """Return a consumer's entries: for `>` undelivered ones, for an id its own unacknowledged ones."""
    answer: Any = await client.xreadgroup(group, consumer, {stream: after}, count=count, block=block_ms)
    return entries(answer[0][1]) if answer else []
