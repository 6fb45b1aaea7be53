"""`notify test` tries every receiver, says what came of each, and exits 1 where one did not take it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callguard.cli import notify

app = typer.Typer()
notify.register(app)
CONFIG = """
asterisk: {ami: {enabled: false}}
notify:
  webhooks:
    chat: {url: {env: GOOD_HOOK}}
    pager: {url: {env: BAD_HOOK}, style: slack}
"""


class Hook(BaseHTTPRequestHandler):
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[attr-defined]
        self.send_response(204 if self.path == "/good" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    server = HTTPServer(("127.0.0.1", 0), Hook)
    server.bodies = []  # type: ignore[attr-defined]
    for name in ("good", "bad"):
        monkeypatch.setenv(f"{name.upper()}_HOOK", f"http://127.0.0.1:{server.server_port}/{name}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.bodies  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "callguard.yaml"
    path.write_text(CONFIG)
    return path


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["notify", "test", *words])
    return result.exit_code, result.stdout, result.stderr


def test_each_receiver_is_named_with_what_came_of_it(config: Path, hook: list[bytes]) -> None:
    status, out, _ = call("--config", str(config))
    lines = out.splitlines()
    assert status == 1
    assert lines[0].startswith("webhook:chat   taken in ")
    assert lines[1] == "webhook:pager  not taken: HTTP 503"
    assert any(json.loads(body).get("type") == "io.callguard.alert.fired.v1" for body in hook)


def test_one_receiver_alone_in_json(config: Path, hook: list[bytes]) -> None:
    status, out, _ = call("webhook:chat", "--json", "--config", str(config))
    (probed,) = json.loads(out)
    assert status == 0
    assert (probed["receiver"], probed["taken"], probed["reason"]) == ("webhook:chat", True, "")
    assert len(hook) == 1


def test_an_unknown_receiver_is_usage_and_names_those_that_are_there(config: Path, hook: list[bytes]) -> None:
    status, _, err = call("webhook:chta", "--config", str(config))
    assert status == 2
    assert "no receiver webhook:chta; configured: webhook:chat, webhook:pager" in err
    assert hook == []


def test_a_secret_that_is_not_there_is_named(config: Path) -> None:
    status, _, err = call("--config", str(config))
    assert status == 2
    assert "GOOD_HOOK" in err


def test_no_receiver_at_all_proves_nothing(config: Path) -> None:
    config.write_text("")
    status, _, err = call("--config", str(config))
    assert status == 1
    assert "names no receiver" in err


async def test_asterisks_own_records_fail_where_asterisk_is_away(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLGUARD_AMI_SECRET", "x")
    monkeypatch.setenv("CALLGUARD_ARI_PASSWORD", "x")
    monkeypatch.setattr(notify, "AMI_S", 0.2)
    config.write_text(
        "asterisk: {ari: {url: 'http://127.0.0.1:9'}, ami: {port: 9}}\n"
        "notify: {queue_log: true, user_event: true, cel: true}"
    )
    status, out, _ = await asyncio.to_thread(call, "--config", str(config))
    assert status == 1
    assert [line.split()[0] for line in out.splitlines()] == ["queue_log", "user_event", "cel"]
    assert all("not taken" in line for line in out.splitlines())
