"""A service starts all of its parts or none, says so, gives up with a reason, and leaves nothing running."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis.asyncio import Redis

from callguard.asterisk.client import ApplicationTakenError
from callguard.config import ConfigError, load_config
from callguard.contracts.commands import Command
from callguard.contracts.events import CommandCompleted, CommandFailed
from callguard.control.service import FatalError, Service, TakenError
from tests.testbed.bench.test_measure import children

RULE = "groups: [{name: g, rules: [{alert: Loud, expr: customer.raised_voice > 0.5}]}]"


class Node:
    """A service's files; no Asterisk is there."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.path = folder / "callguard.yaml"
        self.rules = folder / "rules.yaml"
        self.rules.write_text(RULE)
        self.settings: dict[str, Any] = {
            "node": "n7",
            "asterisk": {"ari": {"url": "http://127.0.0.1:1"}, "ami": {"enabled": False}},
            "media": {"audiosocket_port": 0, "legs_per_worker": 4},
            "rules": {"files": ["rules.yaml"]},
            "redis": {"url": redis_url},
            "console": {"enabled": False},
        }

    def service(self, **sections: Any) -> Service:
        self.path.write_text(yaml.safe_dump(self.settings | sections))
        return Service(load_config(self.path), self.path)


@pytest.fixture
def node(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setenv("CALLGUARD_ARI_PASSWORD", "secret")
    return Node(tmp_path, redis_url)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = set(Path("/proc/self/fd").iterdir())
    yield
    assert children("callguard.worker") == []
    assert len(set(Path("/proc/self/fd").iterdir()) - before) <= 4, "sockets or pipes were left open"


async def published(redis_url: str) -> list[str]:
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        return [fields["type"].removeprefix("io.callguard.") for _, fields in await client.xrange("callguard:events")]


async def test_its_beginning_and_its_end_are_published_although_asterisk_is_away(node: Node, redis_url: str) -> None:
    async with node.service():
        assert len(children("callguard.worker")) == 1
    kinds = await published(redis_url)
    assert "node.started.v1" in kinds
    assert kinds[-1] == "node.stopped.v1"


async def test_the_console_is_there_where_it_is_wanted(node: Node) -> None:
    async with node.service() as service:
        assert service.console.url == ""
    async with node.service(console={"port": 0}) as service:
        assert str(service.console.url).startswith("http://127.0.0.1:")


async def test_a_port_that_is_taken_is_fatal_and_ends_what_had_started(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(FatalError, match=rf"console\.port: port {port} .* set console\.port to a free port"):
            async with node.service(console={"port": port}):
                raise AssertionError("unreachable")
        with pytest.raises(FatalError):
            async with node.service(media={"audiosocket_port": port, "legs_per_worker": 4}):
                raise AssertionError("unreachable")


async def test_rules_that_can_not_be_used_are_told_before_anything_starts(node: Node) -> None:
    node.rules.write_text(RULE.replace("raised_voice", "raised_voise"))
    with pytest.raises(ConfigError, match="raised_voise"):
        node.service()


async def test_a_reload_puts_the_files_in_force_or_keeps_the_old_ones(node: Node) -> None:
    async with node.service() as service:
        node.rules.write_text(RULE.replace("Loud", "Louder"))
        assert service.reload().accepted
        node.rules.write_text("groups: 5")
        refused = service.reload()
        assert not refused.accepted


async def test_a_reload_is_told_with_the_right_by_which_it_was_asked_or_refused(node: Node) -> None:
    told: list[Any] = []
    async with node.service() as service:
        service.hub.connect(lambda happened: told.append(happened.event))
        assert service.reload().accepted
        node.settings["access"] = {"roles": {"operator": ["stop"]}}
        node.path.write_text(yaml.safe_dump(node.settings))
        assert service.reload().accepted
        answer = service.reload()
    assert (answer.accepted, answer.problems[0].split(";")[0]) == (
        False, "forbidden: right 'reload': role 'operator' of 'system' has stop"
    )  # fmt: skip
    acts = [event for event in told if isinstance(event, CommandCompleted | CommandFailed)]
    assert [(act.action, act.sender, act.door, act.right) for act in acts] == [
        ("reload", "system", "signal", "reload"),
        ("reload", "system", "signal", "reload"),
        ("reload", "system", "signal", None),
    ]


async def test_a_command_for_a_call_that_is_not_there_is_answered(node: Node) -> None:
    async with node.service() as service:
        answer = await service.command(Command(id="c", action="stop", call="nowhere"))
        assert isinstance(answer, CommandFailed)
        assert answer.reason.startswith("no_call")


async def test_it_ends_in_good_order_when_told_to(node: Node) -> None:
    service = node.service()
    for _ in range(2):
        service.end()
    assert await service.stopped is None
    service._failed("late", RuntimeError("too late to matter"))
    assert await service.stopped is None


@pytest.mark.parametrize(
    ("error", "kind"), [(RuntimeError("broke"), FatalError), (ApplicationTakenError("callguard"), TakenError)]
)
async def test_a_part_that_fails_ends_the_service_with_its_name(
    node: Node, error: Exception, kind: type[FatalError]
) -> None:
    service = node.service()
    service._failed("ari", error)
    service._failed("other", RuntimeError("follows from the first"))
    with pytest.raises(FatalError, match=r"^ari: ") as caught:
        await asyncio.wait_for(service.stopped, 1)
    assert type(caught.value) is kind
