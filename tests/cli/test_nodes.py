"""`callguard status`, `calls`, `alerts` and `watch` say whether anybody listens, and exit 1 when nobody does."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callguard.config import Redis as RedisConfig
from callguard.contracts.events import NodeDegraded, NodeHearing, NodeStarted
from tests.support.bus import WiredBus
from tests.support.cli import run, write_config
from tests.support.events import call_started

NOBODY = "no CallGuard service is alive at this Redis"


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Path:
    return write_config(tmp_path, redis_url)


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[WiredBus]:
    bus = WiredBus(RedisConfig(url=redis_url), "n1")
    await bus.start_alive()
    yield bus
    await bus.stop()


@pytest.mark.parametrize("command", [["status"], ["calls"], ["alerts"], ["watch", "--seconds", "30"]])
async def test_without_a_service_one_plain_sentence_and_exit_1(
    config: Path, redis_url: str, command: list[str]
) -> None:
    ran = await run(config, *command)
    assert ran.code == 1
    assert ran.out == ""
    assert ran.err == f"{NOBODY} ({redis_url}, prefix callguard:)\n"


@pytest.mark.parametrize("command", ["calls", "alerts"])
async def test_a_service_that_was_killed_leaves_no_list_that_looks_true(
    bus: WiredBus, config: Path, command: str
) -> None:
    bus.publish(call_started("c1"))
    await bus.flush(5)
    await bus.die()
    ran = await run(config, command, "--json")
    assert (ran.code, ran.out) == (1, "[]\n")
    assert NOBODY in ran.err


async def test_a_deaf_service_is_told_and_exit_1(bus: WiredBus, config: Path) -> None:
    bus.publish(call_started("c1"))
    bus.mark({"c1": ("no_tap", "Asterisk ended the tap")})
    bus.publish(NodeDegraded(node="n1", reason="taps: 1 of 1 calls are not heard: Asterisk ended the tap"))
    bus.publish(NodeHearing(node="n1", heard=0, calls=1, causes={"no_tap": 1}))
    await bus.beaten()
    ran = await run(config, "calls")
    assert ran.code == 1
    assert "not heard: Asterisk ended the tap" in ran.out
    assert "hearing 0 of 1 (1 no tap)" in ran.out
    assert "taps: 1 of 1 calls are not heard" in ran.out
    assert (await run(config, "alerts")).code == 1
    ran = await run(config, "calls", "--json")
    assert ran.code == 1
    assert json.loads(ran.out)[0]["unheard"] == {"cause": "no_tap", "why": "Asterisk ended the tap"}
    ran = await run(config, "status", "--json")
    assert ran.code == 1
    assert json.loads(ran.out) == {
        "hears": False,
        "nodes": [
            {
                "node": "n1", "alive": True, "heard": 0, "calls": 1, "causes": {"no_tap": 1},
                "degraded": {"taps": "1 of 1 calls are not heard: Asterisk ended the tap"},
            }
        ],
    }  # fmt: skip


async def test_a_service_that_hears_every_call_exits_0(bus: WiredBus, config: Path) -> None:
    bus.publish(call_started("c1"))
    bus.publish(NodeDegraded(node="n1", reason="ami"))
    bus.publish(NodeHearing(node="n1", heard=1, calls=1, causes={"opted_out": 1}))
    await bus.beaten()
    for command in ("status", "calls", "alerts"):
        ran = await run(config, command)
        assert (ran.code, ran.err) == (0, "")
        assert "hearing 1 of 1 (1 opted out)" in ran.out
        assert "ami: away" in ran.out


async def test_each_node_of_several_is_told(bus: WiredBus, config: Path, redis_url: str) -> None:
    bus.publish(call_started("c1"))
    other = WiredBus(RedisConfig(url=redis_url), "n2")
    await other.start_alive()
    other.publish(call_started("c2"))
    await other.flush(5)
    ran = await run(config, "calls")
    assert ran.code == 0
    assert "node n1: hearing" in ran.out
    assert "node n2: hearing" in ran.out
    await other.die()
    ran = await run(config, "calls")
    assert ran.code == 1
    assert "c1" in ran.out
    assert "c2" not in ran.out
    assert "node n2 is away: no sign of life" in ran.err
    await other.stop()


async def test_asterisk_away_is_exit_1_however_few_calls_there_are(bus: WiredBus, config: Path) -> None:
    bus.publish(NodeStarted(node="n1"))
    bus.publish(NodeDegraded(node="n1", reason="ari"))
    await bus.beaten()
    ran = await run(config, "calls")
    assert ran.code == 1
    assert "ari: away" in ran.out
