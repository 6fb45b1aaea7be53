"""A keeper has its worker running whatever stands against it, and judges its silence by the time control was awake."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from callguard.control import worker_keeper
from callguard.control.worker_keeper import WorkerKeeper, WorkerProcess
from callguard.testbed.valkey import free_port
from tests.support.media import LOUD_RULE, config

WAIT_S = 60


class Owner:
    """A pool that notes what it is told."""

    def __init__(self, port: int = 0) -> None:
        self.config = config(audiosocket_port=port)
        self.told: list[str] = []
        self.messages: list[Any] = []

    def boot(self, index: int) -> object:
        return self.config, index, LOUD_RULE

    def take(self, _: WorkerProcess, messages: list[Any]) -> None:
        self.messages += messages

    def up(self, _: WorkerProcess) -> None:
        self.told.append("up")

    def down(self, _: WorkerProcess) -> None:
        self.told.append("down")

    def failed(self, _: int, why: str) -> None:
        self.told.append(why)


class Kept:
    """A keeper at work."""

    def __init__(self, port: int = 0) -> None:
        self.owner = Owner(port)
        self.keeper = WorkerKeeper(0, self.owner)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                await asyncio.sleep(0.01)

    def kill(self) -> None:
        assert self.keeper.worker
        os.kill(self.keeper.worker.process.pid, signal.SIGKILL)


@pytest.fixture
def port() -> int:
    """Port of the worker that a test kills."""
    return free_port()


@pytest.fixture
async def kept(port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    monkeypatch.setattr(worker_keeper, "BACKOFF_S", (0.05,))
    kept = Kept(port)
    task = asyncio.create_task(kept.keeper.run())
    await asyncio.wait_for(kept.keeper.first, WAIT_S)
    yield kept
    task.cancel()
    await asyncio.wait([task])


@contextmanager
def no_descriptor_free() -> Iterator[None]:
    """Let this process open nothing more than it has open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as lowest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno(), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def taken(port: int) -> socket.socket:
    """Listen on a port as soon as the worker that had it is gone."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                return socket.create_server(("127.0.0.1", port))
            except OSError:
                await asyncio.sleep(0.001)


async def test_a_worker_killed_while_no_descriptor_is_free_is_back_once_there_are_some(kept: Kept) -> None:
    with capture_logs() as logs, no_descriptor_free():
        kept.kill()
        await kept.until(lambda: len(kept.owner.told) >= 5)
    assert kept.owner.told[:3] == ["up", "down", "was ended by SIGKILL"]
    assert all("Too many open files" in why for why in kept.owner.told[3:])
    assert [entry["failures"] for entry in logs[:3]] == [1, 2, 3]
    assert all("Too many open files" in entry["why"] for entry in logs[1:])
    await kept.until(lambda: kept.owner.told[-1] == "up")


async def test_a_worker_that_cannot_start_is_started_again_until_it_can(kept: Kept, port: int) -> None:
    kept.kill()
    with await taken(port):
        await kept.until(lambda: kept.owner.told.count("ended with exit code 1 while starting") >= 2)
    await kept.until(lambda: kept.owner.told[-1] == "up")


async def test_a_mistake_in_keeping_does_not_end_it(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    bury = worker_keeper._bury

    def fail_once(worker: WorkerProcess) -> None:
        monkeypatch.setattr(worker_keeper, "_bury", bury)
        bury(worker)
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(worker_keeper, "_bury", fail_once)
    kept.kill()
    await kept.until(lambda: kept.owner.told[-1] == "could not be kept: can't start new thread")
    await kept.until(lambda: kept.owner.told[-1] == "up")


async def test_a_process_that_cannot_be_had_leaves_no_descriptor_behind(kept: Kept) -> None:
    def used() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = used()
    with no_descriptor_free():
        kept.kill()
        await kept.until(lambda: len(kept.owner.told) >= 8)
    await kept.until(lambda: kept.owner.told[-1] == "up")
    assert used() == before


async def test_a_worker_that_says_nothing_while_control_is_awake_is_killed_and_one_long_gap_counts_little(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_keeper, "WATCH_S", 0.001)
    gaps, now, looks = [30.0, *[1.0] * 60], 0.0, 0

    def clock() -> float:
        nonlocal looks, now
        now += gaps[looks // 2] if looks % 2 else 0.0
        looks += 1
        return now

    assert kept.keeper.worker
    silent = WorkerProcess(0, kept.keeper.worker.process, kept.keeper.worker.mailbox, ready=True)
    assert await WorkerKeeper(0, kept.owner, clock)._watch(silent)
    assert looks // 2 == 1 + 14  # two of the thirty seconds count: fourteen more make fifteen and one


PAUSED = """
    import asyncio
    from callguard.control import worker_keeper
    from callguard.control.worker_pool import WorkerPool
    from tests.support.media import LOUD_RULE, config

    async def main():
        worker_keeper.SILENT_S = 5.0
        pool = WorkerPool(config(), LOUD_RULE, lambda message: None)
        await pool.start()
        while True:
            print(*pool.pids(), flush=True)
            await asyncio.sleep(0.1)

    asyncio.run(main())
"""


def test_control_that_was_stopped_for_long_keeps_its_healthy_worker() -> None:
    control = subprocess.Popen([sys.executable, "-c", textwrap.dedent(PAUSED)], stdout=subprocess.PIPE, text=True)
    assert control.stdout is not None
    with control.stdout as lines:
        pid = lines.readline()
        assert int(pid) > 0
        control.send_signal(signal.SIGSTOP)
        time.sleep(8)
        control.send_signal(signal.SIGCONT)
        resumed = time.monotonic()
        while time.monotonic() - resumed < 4:
            assert lines.readline() == pid
        control.kill()
        control.wait()
