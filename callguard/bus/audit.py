"""Write and verify the audit stream: every listen, whisper, barge and take-over; hash-chained, never trimmed.

Each entry carries the SHA-256 of its predecessor's hash and its own text. So a changed, removed or inserted entry
breaks the chain from that entry on.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis

from callguard.bus.keys import ENTRY_FIELD, HASH_FIELD, PREVIOUS_FIELD
from callguard.bus.streams import Entry, tail
from callguard.contracts.events import PREFIX, Envelope

GENESIS: Final = "0" * 64
"""The predecessor's hash in the first entry."""
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
redis.call('XADD', KEYS[1], '*', '{PREVIOUS_FIELD}', ARGV[1], '{HASH_FIELD}', ARGV[3], '{ENTRY_FIELD}', ARGV[2])
return 1
"""
"""Appends an entry only if its named predecessor is still the newest entry."""


class Audited(NamedTuple):
    """The result of a check of the chain."""

    entries: int
    broken_at: str | None
    """Stream id of the first entry that breaks the chain; None where the chain is intact."""


def is_audited(event_type: str) -> bool:
    """Return whether an event of this wire name belongs in the audit stream."""
    return event_type.startswith(AUDITED)


def link(previous: str, entry: str) -> str:
    """Return the hash of an entry: SHA-256 over the predecessor's hash, a newline, and the entry's JSON."""
    return hashlib.sha256(f"{previous}\n{entry}".encode()).hexdigest()


def verify(entries: Iterable[Entry]) -> Audited:
    """Check entries from the oldest to the newest; the predecessor of the first entry is trusted."""
    count, expected = 0, None
    for entry_id, fields in entries:
        previous, text = fields.get(PREVIOUS_FIELD, ""), fields.get(ENTRY_FIELD, "")
        fits = expected is None or previous == expected
        if not fits or fields.get(HASH_FIELD) != link(previous, text):
            return Audited(count, entry_id)
        count, expected = count + 1, fields[HASH_FIELD]
    return Audited(count, None)


def without_inference(envelope: Envelope) -> Envelope:
    """Return the event to keep for ever: with people's acts, without inferences about a caller (the card)."""
    data = {name: value for name, value in envelope.data.items() if name != "card"}
    return envelope.model_copy(update={"data": data})


async def append(client: Redis, stream: str, envelope: Envelope) -> None:
    """Append one event once, even if several nodes append at the same time or a first answer was lost."""
    text, appended = without_inference(envelope).to_json(), False
    while not appended:
        newest = await tail(client, stream, _LOOK_BACK)
        if any(entry.fields.get(ENTRY_FIELD) == text for entry in newest):
            return
        previous = newest[0].fields.get(HASH_FIELD, GENESIS) if newest else GENESIS
        script: Any = client.eval(_APPEND_AFTER, 1, stream, previous, text, link(previous, text))
        appended = bool(await script)
