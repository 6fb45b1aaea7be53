"""What earlier calls of a number came to, in Redis: counts under a keyed hash, never the number.

Written when a call ends; a call that opted out leaves nothing. Without a key nothing is remembered.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from callguard.config import Privacy
from callguard.events import CallerHistory
from callguard.handoff import Counts

log = structlog.get_logger(__name__)

DAY_S: Final = 86400
SHORTEST: Final = 3
"""Digits of a number that tells callers apart; `anonymous` has none."""


class Callers:
    """Remembers callers; `prefix` begins every key. Raises ConfigError when the key can't be read."""

    def __init__(self, client: Redis, prefix: str, config: Privacy) -> None:
        self._client = client
        self._prefix = prefix
        self._secret = config.number_hash_key.read().get_secret_value().encode()
        self._keep_s = round(config.number_memory_days * DAY_S)

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
            stored: Any = await self._client.hgetall(key) if key else {}
            return CallerHistory.model_validate(stored) if stored else None
        except (RedisError, OSError, ValueError) as error:
            log.warning("caller_not_recalled", error=type(error).__name__)
            return None

    async def add(self, number: str, counts: Counts) -> None:
        """Add a call that is over."""
        key = self.key(number)
        if key is None:
            return
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                for name, count in {"calls": 1, **counts._asdict()}.items():
                    pipe.hincrby(key, name, count)
                pipe.hset(key, "last", datetime.now(UTC).isoformat())
                pipe.expire(key, self._keep_s)
                await pipe.execute()
        except (RedisError, OSError) as error:
            log.warning("caller_not_remembered", error=type(error).__name__)
