"""A service that runs answers `callguard reload` with what became of it, and ends in good order when told to."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.test_service import call

RULE = "groups: [{name: g, rules: [{alert: Loud, expr: customer.raised_voice > 0.5}]}]"


class Running:
    """A service of its own process; no Asterisk is there."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.path = folder / "callguard.yaml"
        (folder / "rules.yaml").write_text(RULE)
        self.settings: dict[str, Any] = {
            "node": "run-test",
            "asterisk": {"ari": {"url": "http://127.0.0.1:1"}, "ami": {"enabled": False}},
            "media": {"audiosocket_port": 0, "legs_per_worker": 4},
            "rules": {"files": ["rules.yaml"]},
            "redis": {"url": redis_url},
            "console": {"enabled": False},
        }
        self.write()
        self.pid_file = folder / "callguard-run-test.pid"
        self.log = (folder / "log").open("wb")
        command = [sys.executable, "-m", "callguard", "run", "--config", str(self.path)]
        self.process = subprocess.Popen(command, env=dict(os.environ), stderr=self.log)

    def write(self, **sections: Any) -> None:
        self.path.write_text(yaml.safe_dump(self.settings | sections))

    def started(self) -> None:
        deadline = time.monotonic() + 60
        while not (self.pid_file.exists() and self.pid_file.read_text()):
            assert self.process.poll() is None, Path(self.log.name).read_text()
            assert time.monotonic() < deadline, "the service did not start"
            time.sleep(0.05)


@pytest.fixture
def running(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CALLGUARD_ARI_PASSWORD", "secret")
    service = Running(tmp_path, redis_url)
    try:
        service.started()
        yield service
    finally:
        service.process.kill()
        service.process.wait()
        service.log.close()


def test_reload_waits_for_the_answer_and_prints_it(running: Running) -> None:
    status, out, _ = call("reload", "--config", str(running.path))
    assert (status, "1 rules in force" in out) == (0, True)

    running.write(supervision={"cooldown_s": 5}, console={"enabled": False, "port": 1})
    status, out, _ = call("reload", "--config", str(running.path), "--json")
    answer = json.loads(out)
    assert (status, answer["accepted"], answer["needs_restart"]) == (0, True, ["console.port"])

    running.write(notify={"webhooks": {"chat": {"url": {"file": "/nonexistent/url"}}}})
    status, _, err = call("reload", "--config", str(running.path))
    assert status == 1
    assert "refused" in err
    assert "/nonexistent/url" in err


def test_the_service_ends_in_good_order_and_leaves_no_files(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(30) == 0
    assert not list(running.pid_file.parent.glob("callguard-run-test*"))
