"""A number is remembered as a keyed hash, for a while, or not at all."""

from typing import Any

import pytest
import redis.asyncio

from callguard.config import Config, ConfigError, Privacy, Secret
from callguard.history.callers import NONE, Callers
from callguard.history.handoff import Counts


@pytest.fixture
def client(redis_url: str) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(redis_url, decode_responses=True)


def callers(client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, secret: str = "k1") -> Callers:
    monkeypatch.setenv("NUMBER_KEY", secret)
    return Callers(client, configured(number_hash_key=Secret(env="NUMBER_KEY"), number_memory_days=2))


def configured(**privacy: Any) -> Config:
    return Config(node="n1", privacy=Privacy(**privacy))


async def test_counts_add_up_under_a_hash_that_expires(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = callers(client, monkeypatch)
    assert await known.recall("+49 30 1234") is None
    await known.add("c1", "+49 30 1234", Counts(alerts=2, abuse=0, takeovers=1))
    await known.add("c1", "0049301234", Counts(1, 1, 0))
    await known.add("c1", "+49301234", Counts(1, 1, 0))
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
    await known.add("c1", number, Counts(1, 1, 1))
    assert await known.recall(number) is None
    assert await client.keys("*") == []


async def test_without_a_key_nothing_is_remembered(client: redis.asyncio.Redis) -> None:
    known = Callers(client, configured())
    await known.add("c1", "301234", Counts(1, 1, 1))
    assert await client.keys("*") == []


async def test_redis_away_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    known = callers(redis.asyncio.Redis(port=1), monkeypatch)
    assert await known.recall("301234") is None
    await known.note("c1", "301234", NONE)
    await known.add("c1", "301234", NONE)
    await known.add_gone(())
    assert await known.noted("c1") == NONE
    with pytest.raises(redis.exceptions.ConnectionError):
        await known.forget("c1", known.key("301234"))


async def test_a_call_that_goes_on_is_noted_with_its_counts_and_never_its_number(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = callers(client, monkeypatch)
    await known.note("c1", "301234", Counts(2, 1, 0))
    assert await known.noted("c1") == Counts(2, 1, 0)
    assert await known.noted("c2") == NONE
    assert await known.recall("301234") is None, "earlier calls only"
    (key,) = await client.keys("*")
    assert "301234" not in str(await client.hgetall(key))
    assert 86400 < await client.ttl(key) <= 2 * 86400
    await known.add("c1", "301234", Counts(3, 1, 0))
    assert await client.exists(key) == 0


async def test_a_call_that_ended_after_a_crash_is_counted_once(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = callers(client, monkeypatch)
    await crashed.note("gone", "301234", Counts(2, 0, 1))
    await crashed.note("live", "301234", Counts(5, 0, 0))
    known = callers(client, monkeypatch)
    for _ in range(2):
        await known.add_gone({"live"})
    history = await known.recall("301234")
    assert history is not None
    assert (history.calls, history.alerts, history.takeovers) == (1, 2, 1)
    assert await known.noted("live") == Counts(5, 0, 0)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"key": "k"}', '{"key": "k", "alerts": "x"}', '{"alerts": 1}', "null"]
)
async def test_a_note_that_cannot_be_read_counts_nothing_and_goes(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    known = callers(client, monkeypatch)
    await client.hset("callguard:callers-open:n1", "c1", text)  # type: ignore[misc]  # as redis has it
    assert await known.noted("c1") == NONE
    await known.add_gone(())
    assert await client.keys("*") == []


async def test_an_opt_out_erases_the_call_and_what_is_known_of_the_number(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = callers(client, monkeypatch)
    await known.add("c1", "301234", Counts(2, 0, 0))
    await known.note("c2", "301234", Counts(1, 0, 0))
    await known.forget("c2", known.key("301234"))
    assert await client.keys("*") == []


def test_a_key_that_cant_be_read_is_an_error(client: redis.asyncio.Redis) -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        Callers(client, configured(number_hash_key=Secret(env="NO_SUCH_KEY")))


async def test_another_key_holds_from_the_next_call_on(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = callers(client, monkeypatch, "k1")
    await known.add("c1", "301234", Counts(1, 0, 0))
    assert await known.recall("301234") is not None
    monkeypatch.setenv("OTHER_KEY", "k2")
    known.reconfigure(Privacy(number_hash_key=Secret(env="OTHER_KEY"), number_memory_days=1))
    assert await known.recall("301234") is None
    monkeypatch.delenv("OTHER_KEY")
    with pytest.raises(ConfigError):
        known.reconfigure(Privacy(number_hash_key=Secret(env="OTHER_KEY")))


async def test_a_number_that_never_called_is_told_from_one_that_is_not_remembered(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = callers(client, monkeypatch)
    assert await known.find("301234") is None
    with pytest.raises(LookupError, match="shows no number"):
        await known.find("anonymous")
    with pytest.raises(LookupError, match="no key"):
        await Callers(client, configured()).find("301234")
