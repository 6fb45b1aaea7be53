"""Silences are started, ended and listed."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callguard.alerts.silences import SilenceScope, new_silence
from callguard.bus.consumer import CommandConsumer
from callguard.bus.keys import Keys
from callguard.config import Redis as RedisConfig
from callguard.contracts.commands import Command
from tests.support.bus import WiredBus
from tests.support.cli import run, write_config
from tests.support.commands import Permitting, open_gate
from tests.support.events import alert_fired, call_started

DRILL, TRAINING, OVER = "5a1e0000-1", "5a1e9999-2", "0ffffff0-3"

SOME = SilenceScope(queue="training", rule="Dead*")


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Path:
    return write_config(tmp_path, redis_url)


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[WiredBus]:
    """A live node that silences two things and did silence a third; one of its alerts is held back."""
    bus, now = WiredBus(RedisConfig(url=redis_url), "n1"), time.time()
    await bus.start_alive()
    kept = (
        new_silence(DRILL, "Ann", "fire drill", now, now + 7200, SilenceScope()),
        new_silence(
            TRAINING, "Bob", "new \x1b[31mstarters", now, now + 600, SilenceScope(queue="training", rule="Dead*")
        ),
        new_silence(OVER, "Ann", "over", now - 60, now - 30 + 31, SilenceScope()).model_copy(update={"until": now - 1}),
    )
    parts: dict[Any, Any] = {f"silence|{each.id}": each.model_dump_json() for each in kept}
    await bus.client.hset(Keys().alert_state("n1"), mapping=parts)  # type: ignore[misc]
    bus.publish(call_started("c1"))
    bus.publish(alert_fired("c1", "a1", silenced_by=DRILL))
    await bus.flush(5)
    yield bus
    await bus.stop()


@pytest.fixture
async def sent(bus: WiredBus) -> AsyncIterator[list[Command]]:
    done: list[Command] = []

    async def handler(command: Command) -> dict[str, Any]:
        done.append(command)
        return {"silence": "s1", "until": time.time()}

    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(handler))
    await consumer.start()
    yield done
    await consumer.stop()


async def test_what_is_silenced_is_listed_with_its_end_author_reason_and_what_it_holds(
    bus: WiredBus, config: Path
) -> None:
    ran = await run(config, "silence", "list", columns=110)  # an end after midnight is told with its day
    assert ran.code == 0
    head, first, second = ran.out.rstrip().splitlines()
    assert head.split() == ["Silence", "Until", "What", "By", "Why", "Holds"]
    for word in ("5a1e9999", "rule Dead*, queue training", "Bob", "new ·[31mstarters", "0"):
        assert word in first
    for word in ("5a1e0000", "everything", "Ann", "fire drill", "1"):
        assert word in second
    narrow = await run(config, "silence", "list", columns=80)
    assert max(map(len, narrow.out.splitlines())) <= 80


async def test_programs_get_all_facts(bus: WiredBus, config: Path) -> None:
    training, drill = json.loads((await run(config, "silence", "list", "--json")).out)
    assert (drill["silence"], drill["by"], drill["why"], drill["holds"]) == (DRILL, "Ann", "fire drill", ["a1"])
    assert (training["queue"], training["rule"], training["agent"], training["node"]) == (
        "training",
        "Dead*",
        None,
        "n1",
    )


async def test_nothing_silenced_is_said(bus: WiredBus, config: Path) -> None:
    await bus.client.delete(Keys().alert_state("n1"))
    assert (await run(config, "silence", "list")).out.strip() == "nothing is silenced"


async def test_a_silence_is_ended_by_how_it_begins(sent: list[Command], config: Path) -> None:
    assert (await run(config, "silence", "-s", "Ann", "--end", "5a1e9", "--why", "over")).code == 0
    assert sent[0].args["ends"] == TRAINING
    ran = await run(config, "silence", "-s", "Ann", "--end", "5a1e", "--why", "over")
    assert (ran.code, len(sent)) == (2, 1)
    assert "2 silences begin with '5a1e'" in ran.err


@pytest.mark.parametrize(
    ("words", "missing"),
    [((), "--supervisor and --why"), (("-s", "Ann"), "--why"), (("--why", "x", "--queue", "q"), "--supervisor")],
)
async def test_a_silence_without_author_or_reason_is_refused(
    config: Path, words: tuple[str, ...], missing: str
) -> None:
    ran = await run(config, "silence", *words)
    assert ran.code == 2
    assert f"silence needs {missing}; `callguard silence list` shows" in ran.err


async def test_without_a_service_the_list_says_so(config: Path) -> None:
    ran = await run(config, "silence", "list")
    assert ran.code == 1
    assert "no CallGuard service is alive" in ran.err
