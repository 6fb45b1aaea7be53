"""An embedded Valkey: one for the session, or one that a test may stop and start again."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from callguard.testbed.valkey import StoppableValkey, start_valkey


@pytest.fixture(scope="session")
def valkey_session_url() -> Iterator[str]:
    """URL of this process's database: one of CALLGUARD_TEST_REDIS if that is set, else of an embedded Valkey."""
    given = os.environ.get("CALLGUARD_TEST_REDIS")
    if given:
        yield own_database(given, os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
        return
    server = start_valkey()
    yield f"redis://127.0.0.1:{server.port}/0"
    server.stop()


def own_database(url: str, worker: str) -> str:
    """Return the URL of a database that tests in other processes don't use; `worker` is xdist's name of this one."""
    server, number = re.fullmatch(r"(\w+://[^/]+)(?:/(\d+))?", url).groups()  # type: ignore[union-attr]
    return f"{server}/{int(number or 0) + int(worker.removeprefix('gw'))}"


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
