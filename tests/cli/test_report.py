"""`report` reads a call's events out of the stream."""

import asyncio
import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from callguard.cli import report
from callguard.config import Redis
from callguard.contracts.events import CallEnded, CallStarted
from tests.support.bus import WiredBus

app = typer.Typer()
report.register(app)


def publish(url: str) -> None:
    async def work() -> None:
        bus = WiredBus(Redis(url=url), "n")
        await bus.start()
        for call in ("1.1", "2.2"):
            bus.publish(CallStarted(call=call, queue="support", mode="raised_voice"))
        bus.publish(CallEnded(call="1.1", queue="support", mode="raised_voice", duration_s=5))
        assert await bus.flush(5)
        await bus.stop()

    asyncio.run(work())


def call(url: str, folder: Path, *words: str) -> tuple[int, str, str]:
    config = folder / "callguard.yaml"
    config.write_text(f"redis: {{url: '{url}'}}")
    result = CliRunner().invoke(app, [*words, "--config", str(config)])
    return result.exit_code, result.stdout, result.stderr


def test_one_call_s_events_become_a_page_or_json(redis_url: str, tmp_path: Path) -> None:
    publish(redis_url)
    status, out, _ = call(redis_url, tmp_path, "1.1", "--json")
    assert status == 0
    assert [moment["kind"] for moment in json.loads(out)["moments"]] == ["call.started", "call.ended"]
    status, out, _ = call(redis_url, tmp_path, "1.1", "--out", str(tmp_path / "r.html"))
    assert status == 0
    assert "Call 1.1" in (tmp_path / "r.html").read_text()


def test_an_unknown_call_and_an_absent_server_are_told(redis_url: str, tmp_path: Path) -> None:
    assert call(redis_url, tmp_path, "9.9")[0] == 1
    status, _, err = call("redis://127.0.0.1:1/0", tmp_path, "1.1")
    assert status == 1
    assert "not reached" in err
