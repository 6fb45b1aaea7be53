"""A reload: what holds at once does, a bad file changes nothing, what waits for a restart is told."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import structlog
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from callguard.alerts.effects import SendTo
from callguard.config import load_config
from callguard.config.access import ROLES
from callguard.control import reload as module
from callguard.control.service import Service
from callguard.runtime.logs import configure
from tests.support.events import alert_fired

RULE = "groups: [{name: g, rules: [{alert: Loud, expr: customer.raised_voice > 0.5, actions: ['webhook:chat']}]}]"
RIGHTS = list(ROLES["manager"])
SAMPLE = Path(__file__).parents[2] / "config" / "callguard.yaml"


class Running:
    """A service whose files can be changed; no Asterisk is there."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.path = folder / "callguard.yaml"
        (folder / "rules").mkdir()
        (folder / "rules" / "r.yaml").write_text(RULE)
        self.settings: dict[str, Any] = {
            "asterisk": {"ari": {"url": "http://127.0.0.1:1"}, "ami": {"enabled": False}},
            "media": {"audiosocket_port": 0, "legs_per_worker": 4},
            "redis": {"url": redis_url},
            "console": {"port": 0, "token": {"file": str(folder / "token")}},
            "notify": {"webhooks": {"chat": {"url": {"file": str(folder / "url")}}}},
            "logging": {"level": "warning"},
        }
        (folder / "token").write_text("first")
        self.write()

    def write(self, **sections: Any) -> None:
        self.settings |= sections
        self.path.write_text(yaml.safe_dump(self.settings))

    async def session(self, service: Service, token: str) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
            http.get(f"{service.console.url}/api/session") as response,
        ):
            return response.status, await response.json()


@pytest.fixture
async def hook() -> AsyncIterator[tuple[TestServer, list[str]]]:
    posted: list[str] = []

    async def take(request: web.Request) -> web.Response:
        posted.append(request.path)
        return web.Response(status=204)

    receiver = web.Application()
    receiver.router.add_post("/{name}", take)
    async with TestServer(receiver) as server:
        yield server, posted


@pytest.fixture
def running(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Running:
    monkeypatch.setenv("CALLGUARD_ARI_PASSWORD", "secret")
    return Running(tmp_path, redis_url)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the service logs, by event."""
    entries: dict[str, Any] = {}

    def take(event: str, **facts: Any) -> None:
        entries[event] = facts

    monkeypatch.setattr(module, "log", SimpleNamespace(**dict.fromkeys(("debug", "info", "warning", "error"), take)))
    return entries


@pytest.fixture
def restored_logging() -> Any:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored_logging")
async def test_token_names_receivers_and_logging_hold_at_once(
    running: Running, hook: tuple[TestServer, list[str]], tmp_path: Path
) -> None:
    server, posted = hook
    (tmp_path / "url").write_text(str(server.make_url("/old")))
    config = load_config(running.path)
    configure(config.logging)
    async with Service(config, running.path) as service:
        assert await running.session(service, "first") == (200, {"supervisors": [], "rights": RIGHTS})
        (tmp_path / "token").write_text("second")
        (tmp_path / "url").write_text(str(server.make_url("/new")))
        webhooks = running.settings["notify"]["webhooks"] | {"more": {"url": {"file": str(tmp_path / "url")}}}
        running.write(
            supervisors=[{"name": "Ann", "endpoint": "PJSIP/ann"}],
            notify={"webhooks": webhooks},
            logging={"level": "debug"},
        )
        service.reload()

        assert logging.getLogger().level == logging.DEBUG
        assert (await running.session(service, "first"))[0] == 401
        assert await running.session(service, "second") == (200, {"supervisors": ["Ann"], "rights": RIGHTS})
        service._alerting.effects.carry_out(
            [SendTo("webhook:chat", alert_fired()), SendTo("webhook:more", alert_fired())]
        )
    assert posted == ["/new", "/new"]


@pytest.mark.parametrize(
    "bad",
    [
        {"surprise": 1},
        {"notify": {}},  # the rule names webhook:chat
        {"privacy": {"number_hash_key": {"env": "NOT_SET_ANYWHERE"}}},
        {"rules": {"files": ["none/*.yaml"]}},
    ],
    ids=lambda bad: next(iter(bad)),
)
async def test_a_bad_file_is_refused_as_a_whole(
    running: Running, tmp_path: Path, told: dict[str, Any], bad: dict[str, Any]
) -> None:
    (tmp_path / "url").write_text("http://127.0.0.1:1/hook")
    async with Service(load_config(running.path), running.path) as service:
        (tmp_path / "token").write_text("second")
        running.write(supervisors=[{"name": "Ann", "endpoint": "PJSIP/ann"}], **bad)
        answer = service.reload()
        assert not answer.accepted
        assert answer.problems
        assert "reload_refused" in told
        assert "reloaded" not in told
        assert await running.session(service, "first") == (200, {"supervisors": [], "rights": RIGHTS})


async def test_what_needs_a_restart_is_said(running: Running, tmp_path: Path, told: dict[str, Any]) -> None:
    (tmp_path / "url").write_text("http://127.0.0.1:1/hook")
    async with Service(load_config(running.path), running.path) as service:
        running.write(node="other")
        answer = service.reload()
    assert (answer.accepted, answer.needs_restart, answer.rules) == (True, ("node",), 1)
    assert told["reload_needs_restart"]["keys"] == ["node"]
    assert told["reloaded"]["rules"] == 1
