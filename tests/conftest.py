"""Fixtures for all tests, and the rule that what CI must run may not be skipped there."""

import json
import logging
import os
from collections.abc import Generator, Iterator
from typing import Any

import hypothesis
import pytest
import structlog

from callguard.contracts.events import Envelope
from tests.support.asyncapi import problems
from tests.support.valkey import redis_url, stoppable_valkey, valkey_session_url

__all__ = ["redis_url", "stoppable_valkey", "valkey_session_url"]

# rich keeps the width that it finds when a console is made; test processes side by side are given the terminal's.
os.environ.pop("COLUMNS", None)
# How fast examples are drawn and run is a matter of the machine.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")

NEEDS_THE_REAL_THING = ("asterisk", "browser", "redis", "isolation")
NEEDS_REAL_TIME = ("asterisk", "browser", "isolation")
"""Marks of tests that wait for other programs most of the time."""


def _required() -> bool:
    return any(os.environ.get(name, "") not in ("", "0", "false") for name in ("CI", "CALLGUARD_REQUIRE_ALL"))


def pytest_xdist_auto_num_workers() -> int:
    """Run tests in one more process than there are cores: nearly half of all tests' time is spent waiting."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, run tests that need real time first: they share the cores with each other only."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not any(map(item.get_closest_marker, NEEDS_REAL_TIME)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where CI or CALLGUARD_REQUIRE_ALL is set, a skipped test that needs the real thing is a failed one."""
    report = yield
    needed = [name for name in NEEDS_THE_REAL_THING if item.get_closest_marker(name)]
    if report.skipped and needed and _required():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{' and '.join(needed)} must run here, but: {reason}"
    return report


@pytest.fixture(autouse=True, scope="session")
def published_events_fit_the_document() -> Iterator[None]:
    """Whatever any test publishes is checked against the AsyncAPI document."""
    serialise = Envelope.to_json

    def checked(envelope: Envelope) -> str:
        text = serialise(envelope)
        assert problems(json.loads(text)) == []
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Envelope, "to_json", checked)
        yield


@pytest.fixture(autouse=True)
def state_stays_in_the_tests_own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A service that a test starts without a folder of its own keeps no state here, nor for the next test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True, scope="session")
def loggers_can_be_watched() -> Iterator[None]:
    """A logger that structlog has cached can't be captured by a later test; so none is cached here."""
    configure = structlog.configure

    def uncached(*args: Any, **settings: Any) -> None:
        configure(*args, **settings | ({"cache_logger_on_first_use": False} if settings else {}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", uncached)
        yield


@pytest.fixture(autouse=True)
def logging_ends_with_the_test() -> Iterator[None]:
    """What a test sets up for logging writes to the test's own standard error; the next test has another one."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if root.handlers != handlers or root.level != level:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
