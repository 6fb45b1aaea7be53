"""The floor of a chaos run: PBX, phones, Valkey, receiver and service, and the faults that break them."""

import asyncio
import contextlib
import json
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, Self

import aiohttp
import redis.asyncio
import yaml
from aiohttp import web
from redis.exceptions import RedisError

from benchmarks.chaos_alerts import Key, Post
from benchmarks.chaos_plan import Fault, Kind
from benchmarks.chaos_records import ON_CALL, Cast, Outage
from benchmarks.node import KEYS, Program, follow, ready, until_ready
from callguard.bus.keys import COMMAND_FIELDS
from callguard.contracts.events import PREFIX
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.ports import Ports
from callguard.testbed.lab.remote import Remote
from callguard.testbed.proxy import Proxy
from callguard.testbed.valkey import StoppableValkey

NODE: Final = "chaos"
SLOW_S: Final = 2.0
"""Seconds by which a late ARI delays its answers."""
RELAUNCH_S: Final = 1.0
"""Seconds after which a service that ended by itself is started again, as systemd does."""
RULES: Final[dict[str, Any]] = {
    "groups": [
        {
            "name": "chaos",
            "rules": [
                {"alert": name, "expr": "customer.level_dbfs > -22", "for": "300ms", "keep_firing_for": "60s",
                 "labels": {"severity": severity}, "annotations": {"summary": name}, "actions": actions}
                for name, severity, actions in (
                    ("Loud", "critical", ["ring_whisper", "webhook:ops"]), ("Shouts", "warning", ["webhook:ops"]),
                )
            ],
        }
    ]
}  # fmt: skip


class Receiver:
    """A webhook receiver that keeps its requests and can fail on demand."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.status = 204
        self.silent = False
        self._mended = asyncio.Event()

    def mend(self) -> None:
        """Accept requests again."""
        self.status, self.silent = 204, False
        self._mended.set()
        self._mended = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        """Answer one post; a post that is kept waiting never counts as taken."""
        event = json.loads(await request.read())
        status = self.status
        if self.silent:
            await self._mended.wait()
            status = 503
        verb = kind_of(event).removeprefix("alert.")
        if verb in ("fired", "resolved"):
            data = event["data"]
            self.posts.append(Post(data["alert"], Key(event["subject"], data["rule"]), verb, status < 300))  # type: ignore[arg-type]  # just checked
        return web.Response(status=status)


def kind_of(event: Mapping[str, Any]) -> str:
    """Return an event's type without prefix and version, such as alert.fired."""
    return str(event["type"]).removeprefix(PREFIX).removesuffix(".v1")


def part_of(reason: str) -> str:
    """Return the part that a reason names, such as worker in `worker: worker 0 was ended by SIGKILL`."""
    return reason.partition(":")[0]


class Floor:
    """All processes and their reports, as a context manager; after its entry all processes are ready."""

    def __init__(self, cast: Cast, folder: Path, chance: Random) -> None:
        self.cast = cast
        self.folder = folder
        self.receiver = Receiver()
        self.fired: dict[str, Key] = {}
        self.rung: set[str] = set()
        self.answers: Counter[str] = Counter()
        self.asked: set[str] = set()
        self.degraded: Counter[str] = Counter()
        self.open_causes: set[str] = set()
        self.outages: list[Outage] = []
        self.ended_by_itself: list[str] = []
        self.rules = folder / "rules.yaml"
        self._chance = chance
        self._stack = AsyncExitStack()
        self._wanted = True
        self._hands: dict[Kind, Callable[[float], Awaitable[None]]] = {
            "service_killed": lambda seconds: self._kill_service(signal.SIGKILL, seconds),
            "service_restarted": lambda seconds: self._kill_service(signal.SIGTERM, seconds),
            "service_stopped": lambda seconds: self._stop(self.node.pid, seconds),
            "worker_killed": lambda _: self._kill_worker(),
            "worker_stopped": lambda seconds: self._stop(self._worker(), seconds),
            "valkey_killed": lambda seconds: self._around(self.valkey.stop, seconds, self.valkey.start),
            "valkey_stopped": lambda seconds: self._around(self.valkey.freeze, seconds, self.valkey.thaw),
            "ari_500": lambda seconds: self._around(self._ari.refuse, seconds, self._ari.mend),
            "ari_slow": lambda seconds: self._around(lambda: self._ari.slow(SLOW_S), seconds, self._ari.mend),
            "ari_cut": lambda seconds: self._around(self._ari.cut, seconds, self._ari.mend),
            "ami_cut": lambda seconds: self._around(self._ami.cut, seconds, self._ami.mend),
            "receiver_503": lambda seconds: self._around(self._refuse_posts, seconds, self.receiver.mend),
            "receiver_silent": lambda seconds: self._around(self._keep_posts_waiting, seconds, self.receiver.mend),
        }

    async def __aenter__(self) -> Self:
        enter = self._stack.enter_async_context
        self.lab = await enter(
            Lab.start(customers=self.cast.lines, agents=2 * self.cast.lines, supervisors=len(self.cast.supervisors))
        )
        self.valkey = await asyncio.to_thread(StoppableValkey, self.folder / "valkey")
        self._stack.callback(self.valkey.stop)
        self._ari = await enter(Proxy(self.lab.pbx.ports.http))
        self._ami = await enter(Proxy(self.lab.pbx.ports.ami))
        self._pbx = Remote(self.lab.pbx)
        self._stack.push_async_callback(self._pbx.close)
        self._redis = redis.asyncio.Redis.from_url(
            self.valkey.url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2
        )
        self._stack.push_async_callback(self._redis.aclose)
        self._http = await enter(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)))
        self._console = Ports.free().http
        hook = await self._listen()
        self.rules.write_text(yaml.safe_dump(RULES))
        config = self.folder / "callguard.yaml"
        config.write_text(yaml.safe_dump(self._settings()))
        secrets = {"CALLGUARD_ARI_PASSWORD": self.lab.pbx.ari.secret, "CALLGUARD_AMI_SECRET": self.lab.pbx.ami.secret}
        environment = {**secrets, "CHAOS_HOOK": hook, "OMP_NUM_THREADS": "1"}
        self.node = Program(self.folder / "callguard.log", environment, "run", "--config", str(config))
        await self.node.start()
        self._stack.push_async_callback(self._close_service)
        await until_ready(self._http, self._console, self.node)
        self._began = asyncio.get_running_loop().time()
        self._tasks = [asyncio.create_task(work) for work in (follow(self._redis, self._take), self._relaunch())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()

    async def _listen(self) -> str:
        app = web.Application()
        app.router.add_post("/hook", self.receiver.take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/hook"

    def _settings(self) -> dict[str, Any]:
        day_off = (datetime.now(UTC) + timedelta(days=3)).strftime("%a").lower()
        supervisors = [
            {"name": phone, "endpoint": f"PJSIP/{phone}", **({} if number <= ON_CALL else {"days": [day_off]})}
            for number, phone in enumerate(self.cast.supervisors, 1)
        ]
        return {
            "node": NODE,
            "asterisk": {
                "ari": {"url": f"http://127.0.0.1:{self._ari.port}"}, "ami": {"port": self._ami.port},
            },
            "media": {"audiosocket_port": 0, "connect_timeout_s": 2, "stall_timeout_s": 2},
            "roles": {"rules": [{"channel": "PJSIP/agent*", "role": "agent"},
                                {"channel": "PJSIP/super*", "role": "ignore"}]},
            "rules": {"files": [str(self.rules)]},
            "supervisors": supervisors,
            "supervision": {"briefing": False, "ring_timeout_s": 5},
            "alerts": {"budget_per_hour": 1000, "escalate_after_s": 3600, "inhibit": []},
            "notify": {"webhooks": {"ops": {"url": {"env": "CHAOS_HOOK"}}}},
            "redis": {"url": self.valkey.url, "trust": "loopback"},
            "journal": {"folder": str(self.folder / "state")},
            "console": {"port": self._console},
            "logging": {"json_lines": True},
        }  # fmt: skip

    @property
    def now(self) -> float:
        """Return the seconds since the floor was ready, which is the clock of all records."""
        return asyncio.get_running_loop().time() - self._began

    async def strike(self, fault: Fault) -> None:
        """Cause a fault, wait, end it and record it."""
        began = self.now
        await self._hands[fault.kind](fault.for_s)
        self.outages.append(Outage(fault.kind, fault.target, began, self.now))

    async def _around(self, breaks: Callable[[], Any], seconds: float, mends: Callable[[], Any]) -> None:
        await asyncio.to_thread(breaks) if breaks == self.valkey.stop else breaks()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(mends) if mends == self.valkey.start else mends()

    async def _kill_service(self, how: signal.Signals, seconds: float) -> None:
        self._wanted = False
        await self.node.end(how)
        await asyncio.sleep(seconds)
        await self.node.start()
        self._wanted = True

    async def _stop(self, pid: int | None, seconds: float) -> None:
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.kill(pid, signal.SIGCONT)

    async def _kill_worker(self) -> None:
        if pid := self._worker():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _worker(self) -> int | None:
        return self._chance.choice(self.node.workers) if self.node.workers else None

    def _refuse_posts(self) -> None:
        self.receiver.status = 503

    def _keep_posts_waiting(self) -> None:
        self.receiver.silent = True

    async def _relaunch(self) -> None:
        """Restart a service that ended without a request."""
        while True:
            await asyncio.sleep(RELAUNCH_S)
            if self._wanted and self.node.status is not None:
                self.ended_by_itself.append(f"exit status {self.node.status}")
                await self.node.start()

    def _take(self, event: dict[str, Any]) -> None:
        data = event["data"]
        with (self.folder / "events.jsonl").open("a") as file:
            file.write(json.dumps({"taken_at": round(self.now, 2), **event}) + "\n")
        match kind_of(event):
            case "alert.fired":
                self.fired[data["alert"]] = Key(event["subject"], data["rule"])
            case "supervision.ringing" if data.get("alert"):
                self.rung.add(data["alert"])
            case "command.completed" | "command.failed":
                self.answers[data["command"]] += 1
            case "node.degraded":
                self.degraded[part_of(data["reason"])] += 1
                self.open_causes.add(part_of(data["reason"]))
            case "node.recovered":
                self.open_causes.discard(part_of(data["reason"]))
            case "node.started":
                self.open_causes.clear()

    async def ask(self, action: str, call: str, supervisor: str) -> None:
        """Send a command; do nothing while Valkey is away."""
        number = f"chaos-{len(self.asked)}-{action}"
        command = {"id": number, "action": action, "call": call, "supervisor": supervisor}
        with contextlib.suppress(RedisError, OSError):
            await self._redis.xadd(KEYS.commands, {COMMAND_FIELDS[0]: json.dumps(command)})
            self.asked.add(number)

    async def linkedid(self, phone: str) -> str:
        """Return the PBX's id of the call that a phone started."""
        channels = await self._pbx.ask("GET", "channels")
        return next((str(each["id"]) for each in channels if each["name"].startswith(f"PJSIP/{phone}-")), "")

    async def left(self) -> list[str]:
        """Return the names of all channels and bridges of the PBX."""
        channels, bridges = await self._pbx.ask("GET", "channels"), await self._pbx.ask("GET", "bridges")
        return [f"channel {each['name']} {each['id']}" for each in channels] + [
            f"bridge {each['id']} ({each['name']} {each['technology']} of {each['creator'] or 'Asterisk'},"
            f" {len(each['channels'])} channels)"
            for each in bridges
        ]

    async def empty(self) -> bool:
        """Return whether the PBX has no channel and no bridge."""
        return not await self.left()

    async def ready(self) -> bool:
        """Return whether the service reports that calls can be heard."""
        return await ready(self._http, self._console)

    async def _close_service(self) -> None:
        self._wanted = False
        self.node.send(signal.SIGCONT)
        await self.node.end()
