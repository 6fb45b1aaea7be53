"""The service as an administrator runs it: `callguard run` in a process of its own, seen through Redis alone."""

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import redis.asyncio
import yaml

from callguard.bus.ask import unsigned
from callguard.testbed.lab.lab import Lab

ROOT = Path(__file__).parents[3]
START_TIMEOUT_S = 60.0
LOUD_RULE = """
groups:
  - name: test
    rules:
      - alert: Loud
        expr: customer.level_dbfs > -20
        for: 300ms
        keep_firing_for: 1s
        labels: {severity: critical}
        annotations: {summary: "loud"}
        actions: [ring_whisper]
"""
"""Fires on a level alone: for tests of what follows an alert."""


class Service:
    """One node. `events` are all that it published, oldest first, as CloudEvents."""

    def __init__(self, lab: Lab, redis_url: str, folder: Path, *, rules: str | None = None, **sections: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.log = folder / "callguard.log"
        self.config = folder / "callguard.yaml"
        self._lab = lab
        self._process: Process | None = None
        self._redis = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)
        self._last = "0-0"
        folder.mkdir(parents=True, exist_ok=True)
        if rules is not None:
            (folder / "test-rules.yaml").write_text(rules)
        settings = _merged(_settings(lab, redis_url, folder, rules is not None), sections)
        self.config.write_text(yaml.safe_dump(settings))

    async def start(self) -> None:
        """Start and wait until it says that it has."""
        before = len(await self.read())
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "callguard", "run", "--config", str(self.config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=ROOT,
            )
        await self.wait_for("node.started", START_TIMEOUT_S, since=before)

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """Environment for any callguard command."""
        return {
            **os.environ,
            "CALLGUARD_ARI_PASSWORD": self._lab.pbx.ari.secret,
            "CALLGUARD_AMI_SECRET": self._lab.pbx.ami.secret,
            "OMP_NUM_THREADS": "1",
        }

    async def stop(self) -> int:
        """End it as systemd does; return its exit status. It must leave no consumer behind."""
        status = await self._end(signal.SIGTERM)
        await self.read()
        for group in await self._redis.xinfo_groups("callguard:commands"):
            left = await self._redis.xinfo_consumers("callguard:commands", group["name"])
            assert left == [], f"consumers left behind: {left}"
        await self._redis.aclose()
        return status

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        status = await self.stop()
        assert kind or status == 0, self.tail()

    async def kill(self) -> None:
        """End it without a chance to clean up."""
        await self._end(signal.SIGKILL)

    async def reload(self) -> None:
        """Ask it to read its configuration again."""
        assert self._process
        self._process.send_signal(signal.SIGHUP)

    async def _end(self, how: signal.Signals) -> int:
        assert self._process
        if self._process.returncode is None:
            self._process.send_signal(how)
        return await asyncio.wait_for(self._process.wait(), 15)

    async def cli(self, *words: str) -> tuple[int, str]:
        """Run another callguard command with the same configuration; return exit status and standard output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callguard", *words),
            stdout=asyncio.subprocess.PIPE,
            env=self.environment | {"CALLGUARD_CONFIG": str(self.config)},
            cwd=ROOT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode or 0, out.decode()

    async def read(self) -> list[dict[str, Any]]:
        """Fetch what was published since; return all events so far."""
        while entries := await self._redis.xrange("callguard:events", f"({self._last}", count=1000):
            self._last = entries[-1][0]
            self.events += [json.loads(fields["event"]) for _, fields in entries]
        return self.events

    def of(self, kind: str, **data: Any) -> list[dict[str, Any]]:
        """Events read so far of a type (`alert.fired`) whose data has these values."""
        wanted = f"io.callguard.{kind}.v1"
        return [e for e in self.events if e["type"] == wanted and data.items() <= _flat(e["data"]).items()]

    async def wait_for(self, kind: str, timeout_s: float = 40.0, *, since: int = 0, **data: Any) -> dict[str, Any]:
        """Wait for an event of a type whose data has these values, among the events from number `since` on."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._process and self._process.returncode is not None and self._process.returncode >= 0:
                raise AssertionError(f"callguard ended with {self._process.returncode}:\n{self.tail()}")
            await self._try_read()
            for event in self.of(kind, **data):
                if self.events.index(event) >= since:
                    return event
            await asyncio.sleep(0.05)
        seen = [event["type"].removeprefix("io.callguard.") for event in self.events[since:]]
        raise AssertionError(f"no {kind} {data} within {timeout_s} s; seen: {seen}\n{self.tail()}")

    async def _try_read(self) -> None:
        try:
            await self.read()
        except (redis.exceptions.RedisError, OSError):
            await asyncio.sleep(0.2)

    async def command(
        self, action: str, timeout_s: float = 15.0, sign: Callable[[str], dict[str, str]] = unsigned, **fields: Any
    ) -> dict[str, Any]:
        """Send a command by the stream; return the data of its one answer, with `ok`."""
        number = fields.pop("id", None) or str(uuid.uuid4())
        command = {"id": number, "action": action, **fields}
        entry: Any = sign(json.dumps(command))
        await self._redis.xadd("callguard:commands", entry)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            await self._try_read()
            for kind in ("command.completed", "command.failed"):
                for event in self.of(kind, command=number):
                    return {"ok": kind == "command.completed", **event["data"]}
            await asyncio.sleep(0.05)
        raise AssertionError(f"{action} was not answered within {timeout_s} s\n{self.tail()}")

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-4000:] if self.log.exists() else ""


def _settings(lab: Lab, redis_url: str, folder: Path, own_rules: bool) -> dict[str, Any]:
    rules = str(folder / "test-rules.yaml") if own_rules else str(ROOT / "config" / "rules" / "*.yaml")
    return {
        "node": "test",
        "asterisk": {"ari": {"url": lab.pbx.ari_url}, "ami": {"port": lab.pbx.ports.ami}},
        "media": {
            "tap": lab.pbx.tap,
            "audiosocket_port": 0,
            "connect_timeout_s": 2,
            "stall_timeout_s": 2,
            "legs_per_worker": 64,
        },
        "roles": {
            "rules": [{"channel": "PJSIP/agent*", "role": "agent"}, {"channel": "PJSIP/super*", "role": "ignore"}]
        },
        "rules": {"files": [rules]},
        "supervisors": [{"name": "lead", "endpoint": "PJSIP/supervisor1"}],
        "supervision": {"briefing": False, "ring_timeout_s": 5},
        "redis": {"url": redis_url, "trust": "loopback"},
        "console": {"port": 0},
        "journal": {"folder": str(folder / "state")},
    }


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    return base | {
        key: _merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in over.items()
    }


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if isinstance(value, str | int | float | bool | type(None))}


async def until(condition: Callable[[], Any], timeout_s: float = 40.0) -> Any:
    """Wait until `condition()` is true; return it."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
        await asyncio.sleep(0.05)
    return found
