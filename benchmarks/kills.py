"""Kill the service with -9 at random moments of a floor full of alerts, while Redis and a webhook flap.

    python -m benchmarks.kills --minutes 20         # about 200 kills
    python -m benchmarks.kills --minutes 1 --seed 7

A simulated PBX plays calls whose customers shout from the fourth second to the last. First, a dry run tells the rules
that fire in a call of each line. Then the floor continues while the service is killed, also at the moment when an alert
reaches Redis, while Redis is killed and started, and while the webhook answers 503. At the end all faults stop until no
message waits. Every due alert must have fired, been sent to the webhook and been resolved, in that order. A phone must
have rung for every call. Repeated messages must carry the same identifier. The program prints the account, with exit
status 1 where a check failed.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, Final, Self

import aiohttp
import redis.asyncio
import yaml
from aiohttp import web

from benchmarks.kills_account import FIRED, Account, Json, account, rules_by_line
from benchmarks.node import KEYS, Program, follow
from callguard.runtime.journal import Journal, journal_path
from callguard.testbed.lab.ports import Ports
from callguard.testbed.valkey import StoppableValkey

NODE: Final = "kills"
PASSWORD: Final = "simulated"
LINES: Final = 4
CALL_S: Final = 40.0
"""Seconds of a call, enough for several kills of the service."""
CALM_S: Final = 3.0
PAUSE_S: Final = 2.0
FIRST_S: Final = 3.0
DRY_S: Final = 15.0
LONGEST_LIFE_S: Final = 10.0
UP_S: Final = 60.0
"""Most seconds that a start may take; two are usual, twenty on a busy machine."""
WHILE_STARTING: Final = 0.2
"""Share of lives that begin to count when the process starts, the others when the service is up."""
AT_AN_ALERT: Final = 0.3
"""Share of kills at the moment when an alert reaches Redis."""
SETTLE_S: Final = 100.0
"""Seconds without faults at the end; longer than the longest pause of a receiver."""
RULES: Final = [
    {"alert": f"Loud{severity.title()}", "expr": f"customer.level_dbfs > {level}", "for": "300ms",
     "keep_firing_for": "2s", "labels": {"severity": severity}, "actions": ["ring_listen", "webhook:hook"]}
    for severity, level in (("warning", -30), ("critical", -25))
]  # fmt: skip


def scenario(seconds: float, actions: Sequence[Json] = ()) -> Json:
    """Return a floor of LINES lines with one call after another for `seconds`, each with `actions`."""
    phones: Json = {f"PJSIP/supervisor{number}": {"answers_after": answer, "by_hand": [{"at": 3, "hang_up": True}]}
                    for number, answer in ((1, 2), (2, None), (3, None))}  # fmt: skip
    calls = []
    for line in range(LINES):
        says = [{"voice": "calm", "for": CALM_S}, {"voice": "raised", "for": CALL_S}]
        phones[f"PJSIP/customer{line}"] = {"number": f"1{line:02}", "speaker": line, "says": says}
        phones[f"PJSIP/agent{line}"] = {"number": f"2{line:02}", "answers_after": 0.5}
        at = FIRST_S + line * 1.7
        while at < FIRST_S + seconds:
            calls.append({"at": round(at, 2), "customer": f"PJSIP/customer{line}", "agents": [f"PJSIP/agent{line}"],
                          "queue": "support", "actions": [*actions, {"at": CALL_S, "do": "hangup"}]})  # fmt: skip
            at += 0.5 + CALL_S + PAUSE_S
    return {"title": f"{LINES} lines for {seconds:g} s", "phones": phones, "calls": calls}


class Hook:
    """A webhook receiver that fails at times; `taken` holds the messages that it answered with 204."""

    def __init__(self) -> None:
        self.taken: list[Json] = []
        self.away = False
        self.url = ""

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        if self.away:
            return web.Response(status=503)
        self.taken.append(body)
        return web.Response(status=204)


class Floor:
    """The PBX, Redis, the webhook and the service, each a process or a server of its own."""

    def __init__(self, folder: Path, seconds: float, seed: int, actions: Sequence[Json] = ()) -> None:
        self.kills = 0
        self.events: list[Json] = []
        self._before = 0
        """Bytes of the service's log that earlier lives wrote."""
        self.hook = Hook()
        self.folder, self._scenario = folder, scenario(seconds, actions)
        self.calls = len(self._scenario["calls"])
        folder.mkdir()
        self._chance = Random(seed)
        self._fired = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.valkey = await asyncio.to_thread(StoppableValkey, self.folder / "valkey")
        self._stack.callback(self.valkey.stop)
        self._redis: Any = redis.asyncio.Redis.from_url(self.valkey.url, decode_responses=True)
        self._stack.push_async_callback(self._redis.aclose)
        await self._stack.enter_async_context(self.hook)
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        self._configure(ari := Ports.free().http)
        environment = {"CALLGUARD_ARI_PASSWORD": PASSWORD, "HOOK_URL": self.hook.url}
        simulate = ("simulate", str(self.folder / "floor.yaml"), "--port", str(ari), "--wait")
        self.pbx = Program(self.folder / "pbx.log", environment, *simulate)
        self.node = Program(self.folder / "node.log", environment, "run", "-c", str(self.folder / "callguard.yaml"))
        self._stack.push_async_callback(self.pbx.end)
        self._stack.push_async_callback(self.node.end)
        await self.pbx.start()
        await self.node.start()
        following = asyncio.create_task(follow(self._redis, self._take))
        self._stack.callback(following.cancel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _configure(self, ari: int) -> None:
        settings = {
            "node": NODE,
            "asterisk": {"ari": {"url": f"http://127.0.0.1:{ari}"}, "ami": {"enabled": False}},
            "media": {"audiosocket_port": 0, "legs_per_worker": 32},
            "roles": {"rules": [{"channel": "PJSIP/agent*", "role": "agent"}]},
            "rules": {"files": ["rules.yaml"]},
            "supervisors": [{"name": f"supervisor{n}", "endpoint": f"PJSIP/supervisor{n}"} for n in (1, 2, 3)],
            "supervision": {"briefing": False, "ring_timeout_s": 5},
            "alerts": {"budget_per_hour": 1000, "escalate_after_s": 5, "ring_again_s": 5, "inhibit": []},
            "notify": {"webhooks": {"hook": {"url": {"env": "HOOK_URL"}, "repeat_interval_s": 20}}},
            "redis": {"url": self.valkey.url},
            "console": {"enabled": False},
            "logging": {"level": "info", "json_lines": True},
            "journal": {"folder": str(self.folder / "state")},
        }
        (self.folder / "callguard.yaml").write_text(yaml.safe_dump(settings))
        (self.folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "kills", "rules": RULES}]}))
        (self.folder / "floor.yaml").write_text(json.dumps(self._scenario))

    def _take(self, event: Json) -> None:
        self.events.append(event)
        if event["type"] == FIRED:
            self._fired.set()

    # --- faults ---

    async def trouble(self) -> None:
        """Cause faults until the calls are over."""
        troubles = [asyncio.create_task(work) for work in (self._flap_redis(), self._flap_hook(), self._kill())]
        over = asyncio.create_task(self.pbx.over())
        ended, _ = await asyncio.wait([over, *troubles], return_when=asyncio.FIRST_COMPLETED)
        for task in troubles:
            task.cancel()
        await asyncio.gather(*troubles, return_exceptions=True)
        for task in ended:
            task.result()

    async def _kill(self) -> None:
        while True:
            if self._chance.random() > WHILE_STARTING:
                await self._up()
            await asyncio.sleep(self._chance.uniform(0.0, LONGEST_LIFE_S))
            if self._chance.random() < AT_AN_ALERT:
                self._fired.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_LIFE_S):
                        await self._fired.wait()
            await self.node.end(signal.SIGKILL)
            self.kills += 1
            self._before = self.node.log.stat().st_size
            await self.node.start()

    async def _up(self) -> None:
        """Wait until the present life has reported its start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UP_S):
                while b'"event": "started"' not in self.node.log.read_bytes()[self._before :]:  # noqa: ASYNC110 - a file
                    await asyncio.sleep(0.1)

    async def _flap_redis(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(4.0, 15.0))
            await asyncio.to_thread(self.valkey.stop)
            try:
                await asyncio.sleep(self._chance.uniform(1.0, 8.0))
            finally:
                self.valkey.start()

    async def _flap_hook(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(3.0, 12.0))
            self.hook.away = True
            try:
                await asyncio.sleep(self._chance.uniform(1.0, 10.0))
            finally:
                self.hook.away = False

    # --- the end ---

    async def settled(self) -> None:
        """Wait until no message waits, then end the service, which must exit with 0."""
        deadline = time.monotonic() + SETTLE_S
        while waiting := self._waiting():
            if time.monotonic() > deadline:
                raise SystemExit(f"after {SETTLE_S:g} s of peace there still waits {waiting}\n{self.log()}")
            await asyncio.sleep(0.5)
        await self.node.end()
        if self.node.status != 0:
            raise SystemExit(f"the service ended with {self.node.status}\n{self.log()}")
        self.events = await self.stored()

    async def stored(self) -> list[Json]:
        """Return all events of the stream, oldest first."""
        return [json.loads(fields["event"]) for _, fields in await self._redis.xrange(KEYS.events)]

    def _waiting(self) -> dict[str, int]:
        journal = Journal(journal_path(self.folder / "state", NODE))
        kinds = {kind: len(journal.records(kind)) for kind in ("owed", "event", "audit", "erasure")}
        kinds["open alerts"] = sum(key.startswith("alert|") for key in journal.records("alerts"))
        journal.close()
        return {kind: count for kind, count in kinds.items() if count}

    def log(self) -> str:
        """Return the end of the service's log."""
        return self.node.log.read_text("utf-8", "replace")[-3000:]


async def dry(folder: Path, seed: int) -> dict[str, set[str]]:
    """Return the rules that fire in a call of each line without faults."""
    async with Floor(folder, DRY_S, seed) as floor:
        await floor.pbx.over()
        await floor.settled()
        return rules_by_line(floor.events)


async def run(folder: Path, seconds: float, seed: int) -> tuple[int, Account]:
    """Return the number of kills, and the account."""
    due = await dry(folder / "dry", seed)
    async with Floor(folder / "killed", seconds, seed) as floor:
        await floor.trouble()
        await floor.settled()
        return floor.kills, account(floor.events, floor.hook.taken, due, floor.calls)


def main() -> int:
    """Run the floor, print the account and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="minutes in which calls arrive; at most 55")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for logs, configuration and journal; must not exist")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="callguard-kills-") as name:
        if given.keep:
            given.keep.mkdir(parents=True)
        kills, told = asyncio.run(run(given.keep or Path(name), 60 * given.minutes, given.seed))
    print(f"kills {kills}, calls {told.calls}: alerts due {told.due}, fired {told.fired}, sent {told.sent}, "
          f"rung {told.rung}; deliveries again {told.doubles}")  # fmt: skip
    wrong = [*told.wrong, *(f"nobody was rung for {call}" for call in told.unrung)]
    print("\n".join(["FAILED", *wrong]) if wrong else "passed: no alert is lost, doubles carry one identifier")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
