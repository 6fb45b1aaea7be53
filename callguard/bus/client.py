"""Connect to Redis or Valkey."""

from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from callguard.config import Redis as RedisConfig

TIMEOUT_S: Final = 5.0
"""Longest wait for one answer, in seconds; longer than any blocking read."""


def connect(config: RedisConfig) -> Redis:
    """Return a client that connects at its first command. It never retries: its callers decide when to try again.

    Bytes that are not UTF-8 are read as replacement characters, so that a foreign entry can't stop a reader.
    """
    return Redis.from_url(
        config.url,
        password=config.password.read().get_secret_value() or None,
        decode_responses=True,
        encoding_errors="replace",
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
