"""Each command goes to the service; its answer is printed and becomes the exit code."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from callguard.authority import ForbiddenError
from callguard.authority.signature import Gate
from callguard.bus.consumer import CommandConsumer
from callguard.cli import silences, supervise
from callguard.cli.supervise import _fact
from callguard.config import Redis as RedisConfig
from callguard.config import load_config
from callguard.config.sender_keys import keys_in_force
from callguard.contracts.commands import ACTIONS, Command, CommandError
from tests.support.bus import WiredBus
from tests.support.cli import run, write_config
from tests.support.commands import Permitting, open_gate
from tests.support.events import alert_fired, call_started

SENT = {
    "listen": ["listen", "c1", "--supervisor", "Ann"],
    "whisper": ["whisper", "c1", "-s", "PJSIP/ann", "--alert", "a1"],
    "barge": ["barge", "c1", "-s", "Ann"],
    "takeover": ["takeover", "c1", "-s", "Ann"],
    "set_mode": ["set-mode", "c1", "barge"],
    "stop": ["stop", "c1", "-s", "Ann"],
    "prompt": ["prompt", "c1", "slow_down"],
    "ack": ["ack", "a1", "-s", "Ann"],
    "judge": ["judge", "a1", "useful", "-s", "Ann"],
    "silence": ["silence", "-s", "Ann", "--why", "training", "--queue", "sales", "--minutes", "30"],
    "opt_out": ["opt-out", "c1"],
}


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Path:
    return write_config(tmp_path, redis_url)


@pytest.fixture
async def service(redis_url: str) -> AsyncIterator[list[Command]]:
    """A service that takes commands; those for call `gone` are refused."""
    done: list[Command] = []

    async def handler(command: Command) -> dict[str, Any]:
        if command.call == "gone":
            raise CommandError("no such call")
        if command.call == "not-mine":
            raise ForbiddenError("team 'shop'", "cli")
        done.append(command)
        return {"session": "s1", "mode": None}

    bus = WiredBus(RedisConfig(url=redis_url), "n1")
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, open_gate(), Permitting(handler))
    await bus.start_alive()
    await consumer.start()
    yield done
    await consumer.stop()
    await bus.stop()


def test_every_action_has_a_command() -> None:
    assert set(SENT) == set(ACTIONS)


@pytest.mark.parametrize("action", SENT)
async def test_a_command_is_carried_out(action: str, config: Path, service: list[Command]) -> None:
    ran = await run(config, *SENT[action])

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.strip() == f"{action}: done (session s1)"
    assert [command.action for command in service] == [action]


async def test_arguments_arrive(config: Path, service: list[Command]) -> None:
    await run(config, *SENT["silence"])
    await run(config, *SENT["whisper"])

    silence, whisper = service
    assert (silence.supervisor, silence.args["queue"], silence.args["duration_s"]) == ("Ann", "sales", 1800.0)
    assert (whisper.call, whisper.supervisor, whisper.args) == ("c1", "PJSIP/ann", {"alert": "a1"})


async def test_an_alert_may_be_named_by_how_it_begins(config: Path, service: list[Command], redis_url: str) -> None:
    bus = WiredBus(RedisConfig(url=redis_url), "n2")
    await bus.start_alive()
    for event in (call_started("c1"), alert_fired("c1", "3f0c7a12-1"), alert_fired("c1", "3f0c9b00-2")):
        bus.publish(event)
    await bus.flush(5)
    await run(config, "ack", "3f0c7", "-s", "Ann")
    await run(config, "whisper", "c1", "-s", "Ann", "--alert", "3f0c9")
    ran = await run(config, "ack", "3f0c", "-s", "Ann")
    await bus.stop()

    assert [command.args["alert"] for command in service] == ["3f0c7a12-1", "3f0c9b00-2"]
    assert ran.code == 2
    assert "2 open alerts begin with '3f0c'" in ran.err


async def test_until_when_is_said_as_a_time(config: Path) -> None:
    assert _fact("until", 1_700_000_000.5).startswith("until 2023-11-1")
    assert _fact("session", "s1") == "session s1"


async def test_json_is_the_answering_event(config: Path, service: list[Command]) -> None:
    done = await run(config, "stop", "c1", "--json")
    refused = await run(config, "stop", "gone", "--json")

    assert done.code == 0
    assert json.loads(done.out)["type"] == "io.callguard.command.completed.v1"
    assert refused.code == 1
    assert json.loads(refused.out)["data"]["reason"] == "no such call"


async def test_commands_are_signed_with_the_nodes_own_key_or_not_sent(tmp_path: Path, redis_url: str) -> None:
    path = tmp_path / "callguard.yaml"
    path.write_text(f"redis: {{url: {redis_url}}}\njournal: {{folder: {tmp_path}}}\n", "utf-8")
    ran = await run(path, "stop", "c1")
    assert (ran.code, ran.out) == (2, "")
    assert "callguard-1.key: No such file or directory: the running service keeps its key there" in ran.err

    bus, done = WiredBus(RedisConfig(url=redis_url), "n1"), []

    async def handler(command: Command) -> dict[str, Any]:
        done.append(command)
        return {}

    gate = Gate(load_config(path), keys_in_force)
    consumer = CommandConsumer(bus, "n1", bus.hub.tell, gate, Permitting(handler))
    await bus.start_alive()
    await consumer.start()
    ran = await run(path, "stop", "c1", "--json")
    await consumer.stop()
    await bus.stop()
    assert (ran.code, len(done)) == (0, 1)
    assert [json.loads(ran.out)["data"][name] for name in ("sender", "door", "right")] == ["cli", "cli", "stop"]


async def test_what_is_missing_is_told(config: Path, service: list[Command]) -> None:
    ran = await run(config, "stop", "not-mine")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.strip() == "stop: forbidden: team 'shop'"


async def test_a_refusal_is_told(config: Path, service: list[Command]) -> None:
    ran = await run(config, "stop", "gone")

    assert (ran.code, ran.out) == (1, "")
    assert "stop: no such call" in ran.err


async def test_wrong_usage_is_told_before_anything_is_sent(config: Path, service: list[Command]) -> None:
    ran = await run(config, "set-mode", "c1", "shout")

    assert ran.code == 2
    assert "'listen'" in ran.err
    assert service == []


async def test_without_a_service_it_says_so(config: Path) -> None:
    ran = await run(config, "stop", "c1", "--timeout", "0.3")

    assert ran.code == 1
    assert "is the service running?" in ran.err


async def test_without_redis_it_says_so(tmp_path: Path) -> None:
    ran = await run(write_config(tmp_path, "redis://127.0.0.1:1/0"), "stop", "c1")

    assert ran.code == 1
    assert ran.err.startswith("redis: ")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("name", [arguments[0] for arguments in SENT.values()])
def test_help_teaches_by_an_example(name: str) -> None:
    app = typer.Typer()
    supervise.register(app)
    silences.register(app)
    shown = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})

    assert f"Example: callguard {name}" in shown.stdout
