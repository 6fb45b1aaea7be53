"""What earlier calls of a number came to, in Redis: counts under a keyed hash, never the number.

A call that goes on is noted beside them, with its counts so far, so that a crash loses none: the next run counts it, or
goes on with it. When a call ends its counts go over to its number's. An opt-out erases both. Without a key nothing is
remembered.
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
"""Digits of a number that tells callers apart; `anonymous` has none."""
AWAY: Final = (RedisError, OSError)
NONE: Final = Counts(0, 0, 0)


class Callers:
    """Remembers callers. Redis away is logged, no obstacle. Raises ConfigError when the key can't be read."""

    def __init__(self, client: Redis, config: Config) -> None:
        self._client: Any = client  # hash commands are typed as if they might not be awaitable
        self._prefix = config.redis.prefix
        self._open = f"{config.redis.prefix}callers-open:{config.node}"
        """Hash: call that goes on → JSON of its number's key and its counts so far."""
        self.reconfigure(config.privacy)

    def reconfigure(self, privacy: Privacy) -> None:
        """Take another key and time to keep; raise ConfigError when the key can't be read.

        What lies under another key is not found again and expires.
        """
        self._secret = privacy.number_hash_key.read().get_secret_value().encode()
        self._keep_s = round(privacy.number_memory_days * DAY_S)

    def key(self, number: str) -> str | None:
        """Return where a number's counts lie; None when it is not to be remembered."""
        digits = "".join(character for character in number if character.isdigit())
        if not self._secret or len(digits) < SHORTEST:
            return None
        return f"{self._prefix}caller:{hmac.new(self._secret, digits.encode(), hashlib.sha256).hexdigest()}"

    async def recall(self, number: str) -> CallerHistory | None:
        """Return what is known of a number; None when nothing is, or Redis is away."""
        key = self.key(number)
        try:
            stored = await self._client.hgetall(key) if key else {}
            return CallerHistory.model_validate(stored) if stored else None
        except (*AWAY, ValueError) as error:
            log.warning("caller_not_recalled", error=type(error).__name__)
            return None

    async def noted(self, call: str) -> Counts:
        """Return what an earlier run noted of a call."""
        try:
            text = await self._client.hget(self._open, call) if self._secret else None
            return _read(text)[1] if text else NONE
        except (*AWAY, ValueError) as error:
            log.warning("call_not_recalled", error=type(error).__name__)
            return NONE

    async def note(self, call: str, number: str, counts: Counts) -> None:
        """Note how far a call that goes on has come."""
        key = self.key(number)
        if key is None:
            return
        async with self._changes() as pipe:
            pipe.hset(self._open, call, json.dumps({"key": key, **counts._asdict()}))
            pipe.expire(self._open, self._keep_s)

    async def add(self, call: str, number: str, counts: Counts) -> None:
        """Add a call that is over."""
        key = self.key(number)
        if key is not None:
            await self._count(call, key, counts)

    async def add_gone(self, live: Container[str]) -> None:
        """Add the calls that an earlier run noted and that are over by now: those that are not `live`."""
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
        """A party opted out: forget the call and what lies under its number's key. Raises RedisError, OSError."""
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
        """Give a transaction: all of it is done or, where Redis is away, nothing, and the log says so."""
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                yield pipe
                await pipe.execute()
        except AWAY as error:
            log.warning("caller_not_remembered", error=type(error).__name__)


def _read(text: str) -> tuple[str | None, Counts]:
    """Read a note; one of another version counts nothing."""
    try:
        note = json.loads(text)
        return str(note.pop("key")), Counts(**{name: int(count) for name, count in note.items()})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None, NONE
