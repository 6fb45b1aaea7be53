"""A Valkey that is killed or frozen keeps what it acknowledged."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from callguard.testbed.valkey import StoppableValkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[StoppableValkey]:
    server = StoppableValkey(tmp_path / "valkey")
    yield server
    server.stop()


def test_what_was_acknowledged_is_there_after_a_kill(valkey: StoppableValkey) -> None:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        client.set("key", "value")
        valkey.stop()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        valkey.start()
        assert client.get("key") == "value"


def test_a_frozen_one_does_not_answer_until_it_is_thawed(valkey: StoppableValkey) -> None:
    with redis.Redis.from_url(valkey.url, socket_timeout=0.2) as client:
        client.ping()
        valkey.freeze()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        valkey.thaw()
    with redis.Redis.from_url(valkey.url) as client:
        assert client.ping()
