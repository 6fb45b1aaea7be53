"""The pool: real processes that start, serve, die, come back, and never outlive control."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from callguard.contracts.messages import (
    CallFacts,
    CallSnapshot,
    CloseCall,
    CloseLeg,
    LegConnected,
    LegLost,
    NoRoomError,
    OpenLeg,
    PartDown,
    PartUp,
    Transition,
    WorkerStats,
)
from callguard.control import worker_keeper, worker_pool
from callguard.control.worker_pool import MediaError, WorkerPool
from tests.support.media import LOUD_RULE, OTHER_RULE, Sender, config, voice

WAIT_S = 20


class Control:
    """A pool and what it told."""

    def __init__(self, **media: object) -> None:
        self.heard: list[Any] = []
        self.pool = WorkerPool(config(**{"legs": 8, **media}), LOUD_RULE, self.heard.append)  # type: ignore[arg-type]

    async def open(self, call: str = "1.1") -> tuple[str, int]:
        leg = str(uuid.uuid4())
        self.pool.send(call, CallFacts(call))
        return leg, await asyncio.wait_for(self.pool.open_leg(OpenLeg(leg, call, "customer")), WAIT_S)

    async def until(self, found: Callable[[Any], bool]) -> Any:
        """Wait for a message."""
        async with asyncio.timeout(WAIT_S):
            while True:
                for message in self.heard:
                    if found(message):
                        return message
                await asyncio.sleep(0.02)


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    control = Control()
    await control.pool.start()
    yield control
    await control.pool.stop()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_leg_is_served_by_a_process_of_its_own(control: Control) -> None:
    leg, port = await control.open()
    with Sender(port, leg) as sender:
        for hop in voice(100).reshape(-1, 5, 160):
            sender.send(hop)
            await asyncio.sleep(0.02)
        await control.until(lambda message: message == LegConnected(leg))
        fired = await control.until(lambda message: isinstance(message, Transition))
        assert (fired.kind, fired.rule, fired.call) == ("fired", "Loud", "1.1")
        shot = await control.until(lambda message: isinstance(message, CallSnapshot))
        assert shot.call == "1.1"
    await control.until(lambda message: message == LegLost(leg, "eof"))
    control.pool.send("1.1", CloseCall("1.1"))
    ended = await control.until(lambda message: isinstance(message, Transition) and message.kind == "resolved")
    assert ended.rule == "Loud"


async def test_new_rules_reach_the_workers(control: Control) -> None:
    control.pool.load_rules(OTHER_RULE)
    leg, port = await control.open()
    with Sender(port, leg) as sender:
        sender.send(voice(50))
        fired = await control.until(lambda message: isinstance(message, Transition))
    assert fired.rule == "Heard"


async def test_a_worker_that_is_killed_loses_its_legs_and_comes_back_with_the_rules_in_force(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_keeper, "BACKOFF_S", (0.0,))
    control.pool.load_rules(OTHER_RULE)
    leg, port = await control.open()
    with Sender(port, leg):
        await control.until(lambda message: message == LegConnected(leg))
        (first,) = control.pool.pids()
        os.kill(first, signal.SIGKILL)
        await control.until(lambda message: message == LegLost(leg, "eof"))
    while not control.pool.pids():
        await asyncio.sleep(0.01)
    assert control.pool.pids() != [first]
    control.pool.send("1.1", CloseLeg(leg))
    leg, port = await control.open()
    with Sender(port, leg) as sender:
        sender.send(voice(50))
        fired = await control.until(lambda message: isinstance(message, Transition))
    assert fired.rule == "Heard"


async def test_what_a_worker_learnt_of_a_leg_is_given_to_the_next_one(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_keeper, "BACKOFF_S", (0.0,))
    kept = control.pool._baselines
    leg, port = await control.open()
    with Sender(port, leg) as sender:
        async with asyncio.timeout(WAIT_S):
            while not kept._of_call.get("1.1"):
                for hop in voice(100).reshape(-1, 5, 160):
                    sender.send(hop)
                await asyncio.sleep(0.3)
        (learnt,) = kept._of_call["1.1"].values()
        os.kill(control.pool.pids()[0], signal.SIGKILL)
        await control.until(lambda message: message == LegLost(leg, "eof"))
    while not control.pool.pids():
        await asyncio.sleep(0.01)
    control.pool.send("1.1", CallFacts("1.1"))
    second = OpenLeg(str(uuid.uuid4()), "1.1", "customer")
    port = await asyncio.wait_for(control.pool.open_leg(second), WAIT_S)
    assert control.pool._workers()[0].legs[second.leg].baseline == learnt
    control.pool.send("1.1", CloseCall("1.1"))
    assert not kept._of_call


async def test_a_listener_that_fails_keeps_no_worker_from_coming_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_keeper, "BACKOFF_S", (0.0,))

    def fail(_: object) -> None:
        raise ValueError("a mistake of some part")

    pool = WorkerPool(config(), LOUD_RULE, fail)
    await pool.start()
    try:
        (first,) = pool.pids()
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(WAIT_S):
            while not pool.pids() or pool.pids() == [first]:
                await asyncio.sleep(0.01)
    finally:
        await pool.stop()


async def test_a_worker_that_hangs_is_replaced(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_keeper, "SILENT_S", 2.5)
    monkeypatch.setattr(worker_keeper, "BACKOFF_S", (0.0,))
    leg, port = await control.open()
    with Sender(port, leg):
        await control.until(lambda message: message == LegConnected(leg))
        os.kill(control.pool.pids()[0], signal.SIGSTOP)
        await control.until(lambda message: message == LegLost(leg, "eof"))


async def test_a_full_worker_refuses_and_says_why(control: Control) -> None:
    for number in range(4):
        await control.open(f"1.{number}")
    with pytest.raises(NoRoomError, match="full"):
        await control.open("1.9")


async def test_a_leg_without_room_is_told_until_it_has_found_room(control: Control) -> None:
    for number in range(4):
        await control.open(f"1.{number}")
    for _ in range(2):
        with pytest.raises(NoRoomError):
            await control.open("1.9")
    assert [message.part for message in control.heard if isinstance(message, PartDown)] == ["room"]
    control.pool.send("1.0", CloseCall("1.0"))
    await control.open("1.9")
    assert [message for message in control.heard if isinstance(message, PartUp)] == [PartUp("room")]


@pytest.mark.parametrize("told", [True, False])
async def test_a_leg_that_gave_up_waiting_for_room_counts_no_longer(
    control: Control, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    monkeypatch.setattr(worker_pool, "WAITING_S", 60.0 if told else 0.1)
    for number in range(4):
        await control.open(f"1.{number}")
    with pytest.raises(NoRoomError):
        await control.open("1.9")
    if told:
        control.pool.send("1.9", CloseCall("1.9"))
    await control.until(lambda message: message == PartUp("room"))


async def test_a_call_without_a_leg_goes_where_room_is_found_first() -> None:
    control = Control(workers=2, legs=2)
    await control.pool.start()
    try:
        held = [await control.open(f"1.{number}") for number in range(2)]
        with pytest.raises(NoRoomError):
            await control.open("1.9")
        refused = next(worker for worker in control.pool._workers() if len(worker.calls) == 1)
        other = next(f"1.{number}" for number in range(2) if f"1.{number}" not in refused.calls)
        control.pool.send(other, CloseCall(other))
        assert (await control.open("1.9"))[1] in [port for _, port in held]
    finally:
        await control.pool.stop()


async def test_a_worker_that_is_killed_is_told_as_a_part_that_is_down_and_back(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(control.pool.pids()[0], signal.SIGKILL)
    down = await control.until(lambda message: isinstance(message, PartDown))
    assert (down.part, down.why) == ("worker", "worker 0 was ended by SIGKILL")
    await control.until(lambda message: message == PartUp("worker"))


async def test_calls_are_spread_over_the_workers_and_stay_together() -> None:
    control = Control(workers=2)
    await control.pool.start()
    try:
        ports = {}
        for number in range(4):
            ports[number] = (await control.open(f"1.{number}"))[1]
        assert sorted(list(ports.values()).count(port) for port in set(ports.values())) == [2, 2]
        assert [(await control.open(f"1.{number}"))[1] for number in range(4)] == list(ports.values())
    finally:
        await control.pool.stop()


async def test_stopping_ends_every_process_and_opens_nothing_more() -> None:
    control = Control()
    await control.pool.start()
    (pid,) = control.pool.pids()
    await control.until(lambda message: isinstance(message, WorkerStats))
    started = time.monotonic()
    await control.pool.stop()
    assert time.monotonic() - started < worker_keeper.STOP_S
    assert not is_alive(pid)
    with pytest.raises(MediaError, match="no media worker"):
        await control.pool.open_leg(OpenLeg(str(uuid.uuid4()), "1.1", "customer"))


async def test_a_pool_that_cannot_start_says_so_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_keeper, "BACKOFF_S", (60.0,))
    control = Control(listen="192.0.2.1")  # an address of nobody's: binding fails
    with pytest.raises(MediaError, match="did not start"):
        await control.pool.start()
    assert control.pool.pids() == []


def test_workers_end_with_control_even_when_it_is_killed() -> None:
    script = textwrap.dedent("""
        import asyncio
        from callguard.control.worker_pool import WorkerPool
        from tests.support.media import LOUD_RULE, config

        async def main():
            pool = WorkerPool(config(), LOUD_RULE, lambda message: None)
            await pool.start()
            print(pool.pids()[0], flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """)
    control = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert control.stdout is not None
    with control.stdout as lines:
        pid = int(lines.readline())
        assert is_alive(pid)
        os.kill(pid, signal.SIGSTOP)  # one that can't even notice that its mailbox is closed
        control.kill()
        control.wait()
    deadline = time.monotonic() + 5
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)
