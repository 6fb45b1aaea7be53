"""An embedded Valkey: one for the session, or one that a test may stop and start again."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from callguard.testbed.valkey import StoppableValkey, start_valkey


@pytest.fixture(scope="session")
def valkey_session_url() -> Iterator[str]:
    """URL of the session's server: CALLGUARD_TEST_REDIS if set, else an embedded Valkey."""
    given = os.environ.get("CALLGUARD_TEST_REDIS")
    if given:
        yield given
        return
    server = start_valkey()
    yield f"redis://127.0.0.1:{server.port}/0"
    server.stop()


@pytest.fixture
def redis_url(valkey_session_url: str) -> str:
    """URL of an empty Valkey."""
    with redis.Redis.from_url(valkey_session_url) as client:
        client.flushdb()
    return valkey_session_url


@pytest.fixture
def stoppable_valkey(tmp_path: Path) -> Iterator[StoppableValkey]:
    """A Valkey of the test's own, which it may stop and start."""
    server = StoppableValkey(tmp_path / "valkey")
    yield server
    server.stop()
