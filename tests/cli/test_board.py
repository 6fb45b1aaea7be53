"""Lists and boards in a terminal."""

import asyncio
import fcntl
import json
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from callguard.cli.common import printable
from callguard.config import Redis as RedisConfig
from callguard.contracts.events import NodeHearing, SupervisionRinging
from tests.support.bus import WiredBus
from tests.support.cli import START, run, write_config
from tests.support.events import (
    alert_fired,
    call_started,
    snapshot,
    supervision_cutting,
    supervision_started,
    supervision_suspended,
)


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Path:
    return write_config(tmp_path, redis_url)


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[WiredBus]:
    bus = WiredBus(RedisConfig(url=redis_url), "n1")
    await bus.start_alive()
    yield bus
    await bus.stop()


async def fill(bus: WiredBus) -> None:
    for event in (call_started("c0", agent="Kim"), call_started("c1"), alert_fired("c1"), supervision_started("c1")):
        bus.publish(event)
    bus.show(snapshot("c1", 0.82))
    bus.show(snapshot("c0", None))
    await bus.flush(5)
    await asyncio.sleep(0.1)


async def test_calls_are_listed_by_need(bus: WiredBus, config: Path) -> None:
    await fill(bus)
    ran = await run(config, "calls")

    lines = ran.out.splitlines()
    assert ran.code == 0
    assert "c1" in lines[1]
    assert "82%" in lines[1]
    assert "▲ CustomerRaisedVoice" in lines[1]
    assert "Ann (whisper)" in lines[1]
    assert "– music" in lines[2]


async def test_a_supervisor_who_waits_is_listed_as_waiting(bus: WiredBus, config: Path) -> None:
    await fill(bus)
    bus.publish(supervision_suspended("c1"))
    await bus.flush(5)
    await asyncio.sleep(0.1)
    assert "Ann (whisper, waiting: consultation)" in (await run(config, "calls")).out


async def test_a_supervisor_who_is_being_cut_off_is_listed_as_such(bus: WiredBus, config: Path) -> None:
    await fill(bus)
    bus.publish(supervision_cutting("c1"))
    await bus.flush(5)
    await asyncio.sleep(0.1)
    assert "Ann (whisper, cutting)" in (await run(config, "calls")).out


async def test_calls_as_json(bus: WiredBus, config: Path) -> None:
    await fill(bus)
    found = json.loads((await run(config, "calls", "--json")).out)

    assert [call["call"] for call in found] == ["c1", "c0"]
    assert found[0]["alerts"] == ["a1"]
    assert found[0]["signals"]["customer"]["raised_voice"] == 0.82


async def test_alerts_are_listed(bus: WiredBus, config: Path) -> None:
    await fill(bus)
    text = (await run(config, "alerts")).out
    (alert,) = json.loads((await run(config, "alerts", "--json")).out)

    assert "Customer's voice rose" in text
    assert alert["alert"] == "a1"
    assert alert["evidence"]["comparisons"][0]["value"] == 0.82


async def test_calls_fit_80_columns_and_nothing_is_cut_off(bus: WiredBus, config: Path) -> None:
    long = call_started("1795333870.12345", agent="Anna-Lena Müller", queue="kundenservice")
    for event in (long, call_started("c2", agent="Kim"), alert_fired("1795333870.12345", rule="SustainedShouting")):
        bus.publish(event)
    bus.publish(alert_fired("1795333870.12345", "a2"))
    bus.publish(supervision_started("1795333870.12345"))
    bus.show(snapshot("1795333870.12345", 0.82))
    await bus.flush(5)
    shown = (await run(config, "calls", columns=80)).out
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    first = shown.splitlines()[1]
    for word in ("1795333870.12345", "82%"):
        assert word in first
    for word in ("Anna-Lena", "Müller", "kundenservice", "Kim", "sales", "+1", "Ann (whisper)"):
        assert word in shown


async def test_identifiers_can_be_read_and_typed_however_narrow_the_terminal(bus: WiredBus, config: Path) -> None:
    first, second = "3f0c7a12-1c1f-4b8a-9d4e-5d0d8a9b2c11", "3f0c7a1299-1c1f-4b8a-9d4e-5d0d8a9b2c"
    call = "1795333870.12"
    for event in (call_started(call), alert_fired(call, first), alert_fired(call, second)):
        bus.publish(event)
    await bus.flush(5)
    shown = (await run(config, "alerts", columns=80)).out

    assert "3f0c7a12-" in shown
    assert "3f0c7a129" in shown
    assert "1795333870.12" in shown
    assert "1795333870.12" in (await run(config, "calls", columns=80)).out


async def test_who_is_rung_is_not_shown_as_having_joined(bus: WiredBus, config: Path) -> None:
    bus.publish(call_started("c1"))
    bus.publish(SupervisionRinging(call="c1", session="s1", supervisor="Ann", mode="whisper"))
    await bus.flush(5)
    assert "Ann (whisper, ringing)" in (await run(config, "calls")).out


async def test_empty_lists(bus: WiredBus, config: Path) -> None:
    assert (await run(config, "calls")).out == "no calls\nnode n1: hearing 0 of 0\n"
    assert (await run(config, "alerts")).out == "no open alerts\nnode n1: hearing 0 of 0\n"
    assert (await run(config, "calls", "--json")).out == "[]\n"
    assert (await run(config, "alerts", "--json")).out == "[]\n"


async def test_events_are_printed_as_they_come(bus: WiredBus, config: Path) -> None:
    watching = asyncio.create_task(run(config, "watch", "--seconds", "4"))
    programs = asyncio.create_task(run(config, "watch", "--seconds", "4", "--json"))
    for number in count():
        if watching.done() and programs.done():
            break
        bus.publish(call_started("c1"))
        await asyncio.sleep(0.1)
        if number == 20:  # Redis moves to another server: whoever watches goes on
            await bus.flush(2)
            await bus.client.client_kill_filter(_type="normal", skipme=True)

    assert (await watching).code == (await programs).code == 0
    line = (await watching).out.splitlines()[0]
    event = json.loads((await programs).out.splitlines()[0])
    assert "call.started.v1 c1 queue=sales agent=Alex" in line
    assert event["type"] == "io.callguard.call.started.v1"


async def test_the_same_count_of_heard_calls_is_printed_once(bus: WiredBus, config: Path) -> None:
    watching = asyncio.create_task(run(config, "watch", "--seconds", "4"))
    while not watching.done():
        bus.publish(NodeHearing(node="n1", heard=0, calls=2, causes={"no_tap": 2}))
        await asyncio.sleep(0.1)
    (line,) = (await watching).out.splitlines()
    assert line.endswith("node.hearing.v1  heard=0 calls=2")


async def watched(config: Path) -> str:
    """What `watch` draws in a terminal of 160 columns; it must exit 0."""
    primary, secondary = pty.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, "watch", "--seconds", "1.5",
        stdin=secondary, stdout=secondary, stderr=secondary,
        env=os.environ | {"CALLGUARD_CONFIG": str(config), "TERM": "xterm", "PYTHONUTF8": "1"},
    )  # fmt: skip
    os.close(secondary)
    shown = await asyncio.to_thread(_read_all, primary)
    assert await process.wait() == 0
    return shown


async def test_the_live_board_in_a_terminal(bus: WiredBus, config: Path) -> None:
    await fill(bus)
    shown = await watched(config)
    assert "CustomerRaisedVoice" in shown
    assert "82%" in shown


async def test_the_live_board_is_quiet_only_while_every_call_is_heard(bus: WiredBus, config: Path) -> None:
    bus.publish(call_started("c1"))
    bus.publish(NodeHearing(node="n1", heard=1, calls=1))
    await bus.beaten()
    assert "All quiet" in await watched(config)
    bus.mark({"c1": ("no_tap", "the tap ended")})
    bus.publish(NodeHearing(node="n1", heard=0, calls=1, causes={"no_tap": 1}))
    await bus.beaten()
    shown = await watched(config)
    assert "All quiet" not in shown
    assert "hearing 0 of 1 (1 no tap)" in shown
    assert "not heard: the tap ended" in shown


def _read_all(descriptor: int) -> str:
    chunks = []
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    os.close(descriptor)
    return b"".join(chunks).decode()


async def test_a_hostile_name_can_not_drive_the_terminal(bus: WiredBus, config: Path) -> None:
    bus.publish(call_started("c1", agent="\x1b[2J\x1b]0;owned\x07[red]Eve[/red]", queue="\x9b31m"))
    await bus.flush(5)
    shown = (await run(config, "calls")).out

    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "[red]Eve[/red]" in shown
    assert printable("a\nb\u202ec") == "a·b·c"


async def test_what_another_version_wrote_is_left_out(bus: WiredBus, config: Path) -> None:
    await fill(bus)
    await bus.client.hset("callguard:calls", mapping={"x": "{", "y": "[]", "z": '{"surprise": 1}'})
    ran = await run(config, "calls", "--json")

    assert [call["call"] for call in json.loads(ran.out)] == ["c1", "c0"]


async def test_a_missing_redis_password_is_told_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "callguard.yaml"
    path.write_text("redis: {password: {env: NOT_SET_ANYWHERE}}")
    ran = await run(path, "calls")
    assert ran.code == 2
    assert ran.err.startswith("redis.password: environment variable NOT_SET_ANYWHERE")


async def test_without_redis_it_says_so(tmp_path: Path) -> None:
    for command in ("calls", "alerts", "watch"):
        ran = await run(write_config(tmp_path, "redis://127.0.0.1:1/0"), command)
        assert ran.code == 1
        assert ran.err.startswith("redis: ")
