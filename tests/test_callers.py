"""A number is remembered as a keyed hash, for a while, or not at all."""

import pytest
import redis.asyncio

from callguard.callers import Callers
from callguard.config import ConfigError, Privacy, Secret
from callguard.handoff import Counts


@pytest.fixture
def client(redis_url: str) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(redis_url, decode_responses=True)


def callers(client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, secret: str = "k1") -> Callers:
    monkeypatch.setenv("NUMBER_KEY", secret)
    return Callers(client, "callguard:", Privacy(number_hash_key=Secret(env="NUMBER_KEY"), number_memory_days=2))


async def test_counts_add_up_under_a_hash_that_expires(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = callers(client, monkeypatch)
    assert await known.recall("+49 30 1234") is None
    await known.add("+49 30 1234", Counts(alerts=2, abuse=0, takeovers=1))
    await known.add("0049301234", Counts(1, 1, 0))
    await known.add("+49301234", Counts(1, 1, 0))
    history = await known.recall("+49301234")
    assert history is not None
    assert (history.calls, history.alerts, history.abuse, history.takeovers) == (2, 3, 1, 1)
    keys = await client.keys("callguard:caller:*")
    assert not any("301234" in key for key in keys)
    assert 86400 < await client.ttl(keys[0]) <= 2 * 86400


def test_another_key_makes_another_hash(client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callers(client, monkeypatch, "k1").key("301234") != callers(client, monkeypatch, "k2").key("301234")


@pytest.mark.parametrize("number", ["", "anonymous", "7"])
async def test_who_shows_no_number_is_not_remembered(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    known = callers(client, monkeypatch)
    await known.add(number, Counts(1, 1, 1))
    assert await known.recall(number) is None
    assert await client.keys("*") == []


async def test_without_a_key_nothing_is_remembered(client: redis.asyncio.Redis) -> None:
    known = Callers(client, "callguard:", Privacy())
    await known.add("301234", Counts(1, 1, 1))
    assert await client.keys("*") == []


async def test_redis_away_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    known = callers(redis.asyncio.Redis(port=1), monkeypatch)
    assert await known.recall("301234") is None
    await known.add("301234", Counts(0, 0, 0))


def test_a_key_that_cant_be_read_is_an_error(client: redis.asyncio.Redis) -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        Callers(client, "callguard:", Privacy(number_hash_key=Secret(env="NO_SUCH_KEY")))
