"""The page on security is true: the Redis rights of each part, tried on a real server; the reach in Asterisk."""

import ast
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from callguard.authority.signature import signed
from callguard.bus.ask import ask
from callguard.bus.erase import erase
from callguard.bus.keys import Keys
from callguard.config import load_config
from callguard.contracts.commands import Command
from callguard.contracts.events import CallEnded
from callguard.control.service import Service
from callguard.history.callers import Callers, Counts
from callguard.history.stored_baselines import StoredBaselines
from callguard.inventory.reader import SETTINGS
from callguard.testbed.valkey import start_valkey
from tests.support.cli import run
from tests.support.events import alert_fired, call_started, snapshot, supervision_started

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
USERS: Final = dict(re.findall(r"^user (\S+) (on >.*)$", PAGE.read_text("utf-8"), re.MULTILINE))
KEYS: Final = Keys()
NUMBER: Final = "+4930123456"
KEY: Final = "a-key-for-a-program-of-the-tests"


class Server:
    """A Valkey whose users are those of the page; the default user, who may do everything, watches."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port = port
        self._folder = folder
        self.admin = Redis(port=port, decode_responses=True)

    async def open(self) -> None:
        for name, rights in USERS.items():
            await self.admin.execute_command("ACL", "SETUSER", name, *_rules(rights))

    def client(self, user: str) -> Redis:
        return Redis(port=self._port, username=user, password=_password(user), decode_responses=True)

    def config(self, user: str, **sections: Any) -> Path:
        password = self._folder / f"{user}.password"
        password.write_text(_password(user))
        redis = {"url": f"redis://{user}@127.0.0.1:{self._port}/0", "password": {"file": str(password)}}
        path = self._folder / f"{user}.yaml"
        path.write_text(yaml.safe_dump({"redis": redis, "journal": {"folder": str(self._folder)}} | sections))
        return path

    async def refused(self) -> list[str]:
        """What was refused since the last look."""
        log: Any = await self.admin.execute_command("ACL", "LOG")
        await self.admin.execute_command("ACL", "LOG", "RESET")
        return [f"{entry['username']}: {entry['reason']} {entry['object']}" for entry in map(_as_dict, log)]


def _as_dict(entry: Any) -> dict[str, Any]:
    return entry if isinstance(entry, dict) else dict(zip(entry[::2], entry[1::2], strict=True))


def _rules(rights: str) -> list[str]:
    """Return the rules of a user: a selector in parentheses is one."""
    return re.findall(r"\([^)]*\)|\S+", rights)


def _password(user: str) -> str:
    return _rules(USERS[user])[1].removeprefix(">")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = start_valkey()
    yield server.port
    server.stop()


@pytest.fixture
async def server(port: int, tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(port, tmp_path)
    await server.admin.flushall()
    await server.open()
    await server.refused()
    yield server
    await server.admin.aclose()


def test_the_page_has_a_user_for_each_part() -> None:
    assert list(USERS) == [f"callguard{part}" for part in ("", "-reader", "-consumer", "-sender", "-auditor")]


async def test_with_the_rights_of_the_page_every_part_works(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service beside an absent PBX, its memories, a signed command, the lists, the board, a group, the audit."""
    monkeypatch.setenv("CALLGUARD_ARI_PASSWORD", "x")
    monkeypatch.setenv("HASH_KEY", "k")
    monkeypatch.setenv("CRM_KEY", KEY)
    (server.config("callguard").parent / "rules.yaml").write_text("groups: []")
    path = server.config(
        "callguard",
        asterisk={"ari": {"url": "http://127.0.0.1:1"}, "ami": {"enabled": False}},
        media={"audiosocket_port": 0, "legs_per_worker": 4},
        rules={"files": ["rules.yaml"]},
        console={"enabled": False},
        privacy={"number_hash_key": {"env": "HASH_KEY"}},
    )
    settings = yaml.safe_load(path.read_text())
    settings["redis"]["senders"] = {"crm": {"role": "manager", "key": {"env": "CRM_KEY"}}}
    path.write_text(yaml.safe_dump(settings))
    async with Service(load_config(path), path) as service:
        for event in (call_started("c1"), alert_fired("c1", "a1"), supervision_started("c1")):
            service.hub.publish(event)
        service.bus.show(snapshot("c1"))
        assert await service.bus.flush(10)
        await _remember(service.bus.client, path)
        await _reader(server)
        await _sender(server)
        await _consumer(server)
        service.hub.publish(CallEnded(call="c1", mode="off", duration_s=1.0, reason="opt_out"))
        assert await service.bus.flush(10)
        await erase(service.bus.client, KEYS, "c1")
        assert await service.bus.client.info("server")
    ran = await run(server.config("callguard-auditor"), "audit")
    assert (ran.code, "chain unbroken" in ran.out) == (0, True), ran.err
    assert await server.refused() == []


async def _remember(client: Redis, path: Path) -> None:
    baselines = StoredBaselines(client, KEYS)
    baselines.forget("c1")
    await baselines._write()
    await baselines.recall("c1")
    callers = Callers(client, load_config(path))
    await callers.note("c1", NUMBER, Counts(0, 0, 0))
    await callers.noted("c1")
    await callers.add("c1", NUMBER, Counts(1, 0, 0))
    await callers.add_gone([])
    assert await callers.recall(NUMBER)
    await callers.forget("c1", callers.key(NUMBER))


async def _reader(server: Server) -> None:
    config = server.config("callguard-reader")
    for words in (("calls",), ("alerts",), ("status",), ("watch", "--seconds", "0.5"), ("silences",)):
        ran = await run(config, *words)
        assert "redis" not in ran.err, ran.err


async def _sender(server: Server) -> None:
    async with server.client("callguard-sender") as client:
        command = Command(id="mine", action="stop", call="c9")
        answer = await ask(client, KEYS, command, 10, lambda text: signed("crm", KEY, time.time(), text))
    assert answer is not None
    assert (answer.data["sender"], answer.data["reason"].split(":")[0]) == ("crm", "no_call")


async def _consumer(server: Server) -> None:
    async with server.client("callguard-consumer") as client:
        await client.xgroup_create(KEYS.events, "mine", id="0")
        read: Any = await client.xreadgroup("mine", "reader-1", {KEYS.events: ">"}, count=1)
        ((entry, fields),) = read[0][1]
        assert json.loads(fields["event"])["specversion"] == "1.0"
        assert await client.xack(KEYS.events, "mine", entry) == 1


EVENT: Final = ("XADD", KEYS.events, "*", "event", "{}")
COMMAND: Final = ("XADD", KEYS.commands, "*", "command", "{}")
TRIMMED: Final = ("XTRIM", KEYS.events, "MAXLEN", "0")
DELETED: Final = ("DEL", KEYS.audit)
BEYOND: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "callguard": (DELETED, ("XTRIM", KEYS.audit, "MAXLEN", "0"), ("XDEL", KEYS.audit, "1-0"), ("FLUSHALL",),
                  ("SET", KEYS.audit, "x"), ("RENAME", KEYS.audit, KEYS.events), ("KEYS", "*"), ("GET", "other"),
                  ("CONFIG", "GET", "*"), ("ACL", "LIST")),
    "callguard-reader": (EVENT, COMMAND, DELETED, ("DEL", KEYS.events), ("XRANGE", KEYS.audit, "-", "+"),
                         ("HSET", KEYS.calls, "c", "{}"), ("PUBLISH", KEYS.wake, "x"), ("KEYS", "*")),
    "callguard-consumer": (EVENT, COMMAND, DELETED, ("XRANGE", KEYS.audit, "-", "+"), TRIMMED),
    "callguard-sender": (EVENT, DELETED, ("XRANGE", KEYS.commands, "-", "+"), ("XRANGE", KEYS.audit, "-", "+"),
                         ("XTRIM", KEYS.commands, "MAXLEN", "0"), ("HGETALL", KEYS.calls)),
    "callguard-auditor": (EVENT, COMMAND, DELETED, ("XADD", KEYS.audit, "*", "e", "{}"), ("XDEL", KEYS.audit, "1")),
}  # fmt: skip


@pytest.mark.parametrize("user", list(USERS))
async def test_beyond_the_rights_of_the_page_a_part_is_refused(server: Server, user: str) -> None:
    await server.admin.xadd(KEYS.audit, {"entry": "{}"})
    async with server.client(user) as client:
        for words in BEYOND[user]:
            with pytest.raises(NoPermissionError):
                await client.execute_command(*words)
    assert await server.admin.xlen(KEYS.audit) == 1


def test_the_dialplan_runs_what_is_needed_and_nothing_else() -> None:
    lines = (ROOT / "config" / "asterisk" / "extensions_callguard.conf").read_text().splitlines()
    steps = [line for line in lines if line and not line.startswith(";")]
    assert {line for line in steps if line.startswith("[")} == {
        "[callguard-tap]",
        "[callguard-cel]",
        "[callguard-join]",
    }
    entries = {re.sub(r"exten => ([^,]+),1,.*", r"\1", line) for line in steps if line.startswith("exten")}
    assert entries == {"_uXXX", "_uXXXX", "_uXXXXX", "s"}
    asked = [re.sub(r"^(exten => [^,]+,1|\s*same => n),", "", line) for line in steps if not line.startswith("[")]
    assert {step.split("(")[0] for step in asked} == {"AudioSocket", "Hangup", "CELGenUserEvent", "Set", "BridgeAdd"}
    assert [step for step in asked if step.startswith("Set")] == ["Set(TIMEOUT(absolute)=0)"]


def test_the_page_names_every_request_to_asterisk_and_no_other() -> None:
    rows = PAGE.read_text("utf-8").rpartition("| request | for |")[2]
    told = set(re.findall(r"`([A-Z]+ /[^`]*)`", "".join(row.split("|")[1] for row in rows.splitlines()[2:])))
    made = {"GET /events"}
    for path in (ROOT / "callguard").rglob("*.py"):
        if "testbed" not in path.parts:
            made.update(_requests(ast.parse(path.read_text("utf-8"))))
    assert made == told


def _requests(tree: ast.AST) -> Iterator[str]:
    """Yield `METHOD /path` of each REST request in a module; what varies is {}."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "request" and isinstance(node.args[0], ast.Constant) and len(node.args) > 1:
                method, path = str(node.args[0].value), _path(node.args[1])
            elif node.func.attr == "_remove" and node.args:
                method, path = "DELETE", _path(node.args[0])
            else:
                continue
            if path.startswith("/"):
                yield f"{method} {path}"


def _path(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_path(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return SETTINGS if isinstance(node.value, ast.Name) and node.value.id == "SETTINGS" else "{}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_channel":
        return "/channels/{}" + (_path(node.args[1]) if len(node.args) > 1 else "")
    return ""
