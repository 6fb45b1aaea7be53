"""The record of a number's earlier calls, in Redis: counts under a keyed hash, never the number.

The counts of each present call are noted beside the records, so that a crash loses none: the next run adds them, or
goes on with the call. When a call ends, its counts are added to its number's record. An opt-out erases both. Without a
key nothing is remembered.
"""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from callguard.config import Config, Privacy
from callguard.contracts.cards import CallerHistory
from callguard.history.handoff import Counts

log = structlog.get_logger(__name__)

DAY_S: Final = 86400
SHORTEST: Final = 3
"""Fewest digits of a number that identifies a caller; `anonymous` has none."""
AWAY: Final = (RedisError, OSError)
NONE: Final = Counts(0, 0, 0)


class Callers:
    """Remembers callers. Without Redis it logs and goes on. Raises ConfigError when the key can't be read."""

    def __init__(self, client: Redis, config: Config) -> None:
        self._client: Any = client  # hash commands are typed as if they might not be awaitable
        self._prefix = config.redis.prefix
        self._open = f"{config.redis.prefix}callers-open:{config.node}"
        """Hash: present call → JSON of its number's key and its counts so far."""
        self.reconfigure(config.privacy)

    def reconfigure(self, privacy: Privacy) -> None:
        """Put another key and retention in force; raise ConfigError when the key can't be read.

        Records under the former key are not found any more, and expire.
        """
        self._secret = privacy.number_hash_key.read().get_secret_value().encode()
        self._keep_s = round(privacy.number_memory_days * DAY_S)

    def key(self, number: str) -> str | None:
        """Return the Redis key of a number's counts; None when the number is not to be remembered."""
        digits = "".join(character for character in number if character.isdigit())
        if not self._secret or len(digits) < SHORTEST:
            return None
        return f"{self._prefix}caller:{hmac.new(self._secret, digits.encode(), hashlib.sha256).hexdigest()}"

    async def recall(self, number: str) -> CallerHistory | None:
        """Return a number's record; None when there is none, or Redis is away."""
        try:
            return await self.find(number)
        except LookupError:
            return None
        except (*AWAY, ValueError) as error:
            log.warning("caller_not_recalled", error=type(error).__name__)
            return None

    async def find(self, number: str) -> CallerHistory | None:
        """Return a number's record; None when there is none.

        Raises LookupError for a number that is not to be remembered; RedisError, OSError, ValueError when the record
        can't be read.
        """
        key = self.key(number)
        if key is None:
            raise LookupError("no number is remembered: no key" if not self._secret else "the caller shows no number")
        stored = await self._client.hgetall(key)
        return CallerHistory.model_validate(stored) if stored else None

    async def noted(self, call: str) -> Counts:
        """Return an earlier run's note of a call."""
        try:
            text = await self._client.hget(self._open, call) if self._secret else None
            return _read(text)[1] if text else NONE
        except (*AWAY, ValueError) as error:
            log.warning("call_not_recalled", error=type(error).__name__)
            return NONE

    async def note(self, call: str, number: str, counts: Counts) -> None:
        """Note the counts of a present call."""
        key = self.key(number)
        if key is None:
            return
        async with self._changes() as pipe:
            pipe.hset(self._open, call, json.dumps({"key": key, **counts._asdict()}))
            pipe.expire(self._open, self._keep_s)

    async def add(self, call: str, number: str, counts: Counts) -> None:
        """Add the counts of a call that is over to its number's record."""
        key = self.key(number)
        if key is not None:
            await self._count(call, key, counts)

    async def add_gone(self, live: Container[str]) -> None:
        """Add the counts of the noted calls that are over: those that are not in `live`."""
        if not self._secret:
            return
        try:
            noted = await self._client.hgetall(self._open)
        except AWAY as error:
            log.warning("callers_not_resumed", error=type(error).__name__)
            return
        for call, text in noted.items():
            if call not in live:
                await self._count(call, *_read(text))

    async def forget(self, call: str, key: str | None) -> None:
        """Delete the call's note and its number's record: a party opted out. Raises RedisError, OSError."""
        if key is not None:
            async with self._client.pipeline(transaction=True) as pipe:
                await pipe.hdel(self._open, call).delete(key).execute()

    async def _count(self, call: str, key: str | None, counts: Counts) -> None:
        async with self._changes() as pipe:
            pipe.hdel(self._open, call)
            if key is not None:
                for name, count in {"calls": 1, **counts._asdict()}.items():
                    pipe.hincrby(key, name, count)
                pipe.hset(key, "last", datetime.now(UTC).isoformat())
                pipe.expire(key, self._keep_s)

    @asynccontextmanager
    async def _changes(self) -> AsyncIterator[Any]:
        """Yield a transaction. It is applied whole or, without Redis, not at all; the log says so."""
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                yield pipe
                await pipe.execute()
        except AWAY as error:
            log.warning("caller_not_remembered", error=type(error).__name__)


def _read(text: str) -> tuple[str | None, Counts]:
    """Read a note; a note of another version has no counts."""
    try:
        note = json.loads(text)
        return str(note.pop("key")), Counts(**{name: int(count) for name, count in note.items()})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None, NONE
