"""Write and verify the audit stream: people's and programs' acts; hash-chained, numbered, anchored, never trimmed.

Each entry carries its number and the SHA-256 of its predecessor's hash, its number and its own text. So a changed,
removed or inserted entry breaks the chain from that entry on. The head of the chain, its number and its hash, is kept
outside of the stream too (the anchor). So entries that are cut off at an end, or all of them, are missed as well.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from redis.asyncio import Redis

from callguard.bus.keys import ENTRY_FIELD, HASH_FIELD, NUMBER_FIELD, PREVIOUS_FIELD
from callguard.bus.streams import PAGE, Entry, entries, tail
from callguard.contracts.events import PREFIX, Envelope
from callguard.runtime.anchor import Head, read_anchor, write_anchor

log = structlog.get_logger(__name__)

GENESIS: Final = "0" * 64
"""The predecessor's hash in the first entry."""
EMPTY: Final = Head(0, GENESIS)
"""The head of a chain without entries."""
AUDITED: Final = tuple(PREFIX + noun for noun in ("supervision.", "command.", "prompt.", "abuse.", "assist."))
_LOOK_BACK: Final = 64
"""Newest entries searched for an event whose first delivery may have succeeded without an answer."""
_APPEND_AFTER: Final = f"""
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = '{GENESIS}'
if newest then
  for i = 1, #newest[2], 2 do
    if newest[2][i] == '{HASH_FIELD}' then last = newest[2][i + 1] end
  end
end
if last ~= ARGV[1] then return 0 end
redis.call('XADD', KEYS[1], '*', '{NUMBER_FIELD}', ARGV[5], '{PREVIOUS_FIELD}', ARGV[2], '{HASH_FIELD}', ARGV[4],
  '{ENTRY_FIELD}', ARGV[3])
return 1
"""
"""Appends an entry only if the named hash is still the newest entry's."""


class Audited(NamedTuple):
    """The result of a check of the chain."""

    entries: int
    broken_at: str | None = None
    """Stream id of the first entry that breaks the chain; None where the chain is intact."""
    missing: str | None = None
    """What an intact chain lacks at its ends; None where it lacks nothing."""


def is_audited(event_type: str) -> bool:
    """Return whether an event of this wire name belongs in the audit stream."""
    return event_type.startswith(AUDITED)


def link(previous: str, number: str | None, entry: str) -> str:
    """Return the hash of an entry: SHA-256 over the predecessor's hash, the number and the entry's JSON, by lines.

    `number` is None for an entry of an earlier version, which has none.
    """
    lines = (previous, entry) if number is None else (previous, number, entry)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def verify(chain: Iterable[Entry], anchors: Iterable[Head] = (), archived: int = 0) -> Audited:
    """Check entries from the oldest to the newest.

    Args:
        chain: all entries of the stream.
        anchors: heads that were kept elsewhere; the chain must hold each of them.
        archived: number of oldest entries that were archived and removed.
    """
    count, expected, before, wanted = 0, None, 0, {head.hash: head for head in anchors if head.entries > archived}
    for entry_id, fields in chain:
        previous, text, number = fields.get(PREVIOUS_FIELD, ""), fields.get(ENTRY_FIELD, ""), fields.get(NUMBER_FIELD)
        fits = expected is None or previous == expected
        if not fits or fields.get(HASH_FIELD) != link(previous, number, text):
            return Audited(count, entry_id)
        if expected is None and previous != GENESIS:
            before = int(number) - 1 if number and number.isdecimal() else 1
        count, expected = count + 1, fields[HASH_FIELD]
        wanted.pop(expected, None)
    if wanted:
        lost = max(wanted.values())
        return Audited(count, None, f"entry {lost.entries} with hash {lost.hash}, which was the newest one")
    if before > archived:
        return Audited(count, None, f"{before} older entries; archived: {archived}")
    return Audited(count)


def without_inference(envelope: Envelope) -> Envelope:
    """Return the event to keep for ever: with people's acts, without inferences about a caller (the card)."""
    data = {name: value for name, value in envelope.data.items() if name != "card"}
    return envelope.model_copy(update={"data": data})


class Trail:
    """One node's way to the audit stream.

    Args:
        client: of the server.
        stream: key of the audit stream.
        anchor: file of the head; None keeps it in memory.
        on_lost: called once when the stream turns out to lack entries, with the reason.
        on_head: called with each new head.
    """

    def __init__(
        self,
        client: Redis,
        stream: str,
        anchor: Path | None,
        on_lost: Callable[[str], None] = lambda why: None,
        on_head: Callable[[Head], None] = lambda head: None,
    ) -> None:
        self._client = client
        self._stream = stream
        self._anchor = anchor
        self._on_lost = on_lost
        self._on_head = on_head
        self.head = read_anchor(anchor)
        """Newest entry that this node knows of; None: no anchor was kept so far."""

    async def check(self) -> None:
        """Tell when the stream lacks an entry that was written before."""
        newest = await tail(self._client, self._stream, _LOOK_BACK)
        top = await self._head_of(newest[0]) if newest else EMPTY
        if not await self._holds(top, newest):
            self._lost(top)

    async def append(self, envelope: Envelope) -> None:
        """Append one event once, even if several nodes append at the same time or a first answer was lost."""
        text = without_inference(envelope).to_json()
        while True:
            newest = await tail(self._client, self._stream, _LOOK_BACK)
            top = await self._head_of(newest[0]) if newest else EMPTY
            if any(entry.fields.get(ENTRY_FIELD) == text for entry in newest):
                return self._keep(top)
            after = top if await self._holds(top, newest) else self._lost(top)
            number = str(after.entries + 1)
            entry = Head(after.entries + 1, link(after.hash, number, text))
            facts = (top.hash, after.hash, text, entry.hash, number)
            script: Any = self._client.eval(_APPEND_AFTER, 1, self._stream, *facts)
            if await script:
                return self._keep(entry)

    def _keep(self, head: Head) -> None:
        self.head = head
        write_anchor(self._anchor, head)
        self._on_head(head)

    def _lost(self, top: Head) -> Head:
        """Tell that entries are gone; return the known head, after which the chain goes on: the gap stays visible."""
        known = self.head or EMPTY
        why = f"the audit stream lacks entry {known.entries}, which was written; its newest one is entry {top.entries}"
        log.error("audit_entries_lost", known=known.entries, hash=known.hash, found=top.entries)
        self._on_lost(why)
        return known

    async def _holds(self, top: Head, newest: list[Entry]) -> bool:
        """Return whether the stream still holds the entry that this node knows as the head."""
        known = self.head
        if known is None or known.entries == 0 or top == known:
            return True
        if any(entry.fields.get(HASH_FIELD) == known.hash for entry in newest):
            return True
        if top.entries <= known.entries:
            return False
        async for entry in _backwards(self._client, self._stream):
            if entry.fields.get(HASH_FIELD) == known.hash:
                return True
        return False

    async def _head_of(self, newest: Entry) -> Head:
        number = newest.fields.get(NUMBER_FIELD, "")
        count = int(number) if number.isdecimal() else await self._client.xlen(self._stream)
        return Head(count, newest.fields.get(HASH_FIELD, GENESIS))


async def _backwards(client: Redis, stream: str) -> AsyncIterator[Entry]:
    """Yield the entries of a stream, newest first."""
    last = "+"
    while page := entries(await client.xrevrange(stream, max=last, count=PAGE)):
        for entry in page:
            yield entry
        last = f"({page[-1].id}"
