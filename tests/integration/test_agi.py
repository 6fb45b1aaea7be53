"""The dialplan asks and acts by FastAGI on a real Asterisk, by the shipped dialplan. A dead service delays no call."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest_asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import AS_FREEPBX, ASKING, OWN_SCRIPT
from callguard.testbed.lab.remote import Remote
from tests.integration.harness.scene import converse
from tests.integration.harness.service import Service

WITHIN_S = 0.5
"""A call goes on within this time."""
RULE = """
groups:
  - name: test
    rules:
      - alert: Begun
        expr: call.elapsed_s > 0.3
        labels: {severity: warning}
        annotations: {summary: "a call"}
        actions: [notify]
"""
EARLIER = ("CALLS", "ALERTS", "ABUSE", "TAKEOVERS")


@pytest_asyncio.fixture(loop_scope="session")
async def service(lab: Lab, redis_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """The service with FastAGI and a rule that fires on every call."""
    key = tmp_path / "key"
    key.write_text("a key of numbers")
    sections: dict[str, Any] = {
        "agi": {"enabled": True, "listen": f"127.0.0.1:{lab.pbx.ports.agi}"},
        "privacy": {"number_hash_key": {"file": str(key)}},
    }
    await ask_again(lab)
    async with Service(lab, redis_url, tmp_path / "service", rules=RULE, **sections) as running:
        yield running


async def ask_again(lab: Lab) -> None:
    """End the pause that follows a question without an answer."""
    async with on(lab) as (_, remote):
        await remote.ask("POST", "asterisk/variable", variable="CALLGUARD_SILENT_UNTIL", value="0")


class Line:
    """The customer's channel on the PBX, seen by a user of the PBX's own."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    async def _channel(self) -> dict[str, Any]:
        channels = await self._remote.ask("GET", "channels")
        return next((each for each in channels if each["name"].startswith("PJSIP/customer1")), {})

    async def reaches(self, application: str, timeout_s: float = 5.0) -> float:
        """Wait until it runs an application; return the seconds that this took."""
        begun = time.monotonic()
        while (await self._channel()).get("dialplan", {}).get("app_name") != application:
            assert time.monotonic() - begun < timeout_s, f"{application} is not reached"
            await asyncio.sleep(0.01)
        return time.monotonic() - begun

    async def is_free(self) -> None:
        """Wait until the customer has no channel."""
        while await self._channel():
            await asyncio.sleep(0.01)

    async def variable(self, name: str) -> str:
        """Return one of our variables; empty where it is empty or not set."""
        channel = (await self._channel())["id"]
        found = await self._remote.ask("GET", f"channels/{channel}/variable", variable=f"CALLGUARD_{name}")
        return str(found.get("value", ""))

    async def variables(self, *names: str) -> list[str]:
        """Return several of our variables."""
        return [await self.variable(name) for name in names]


@asynccontextmanager
async def on(lab: Lab) -> AsyncIterator[tuple[Line, Remote]]:
    """Look at the PBX."""
    remote = Remote(lab.pbx)
    try:
        yield Line(remote), remote
    finally:
        await remote.close()


async def test_the_dialplan_knows_the_outcome_after_a_call_and_the_caller_at_the_next(
    lab: Lab, service: Service
) -> None:
    async with on(lab) as (line, _):
        scene = await converse(lab, service, ASKING)
        first = await line.variables(*(f"EARLIER_{name}" for name in EARLIER), "PRIORITY", "RESULT")
        await service.wait_for("alert.fired", call=scene.id)
        await scene.agent.hangup()
        await line.reaches("Wait")
        outcome = await line.variables("FLAGGED", "CALMED", "TAKEN_OVER", "RESULT")
        await scene.customer.hangup()
        assert first == ["0", "0", "0", "0", "0", "done"]
        assert outcome == ["1", "0", "0", "done"]

        again = await converse(lab, service, AS_FREEPBX)
        second = await line.variables(*(f"EARLIER_{name}" for name in EARLIER), "PRIORITY", "RESULT")
        await again.hang_up()
        assert second == ["1", "1", "0", "0", "1", "done"]


async def test_a_service_that_hangs_or_is_gone_holds_no_call_up(lab: Lab, redis_url: str, tmp_path: Path) -> None:
    settings = {"enabled": True, "listen": f"127.0.0.1:{lab.pbx.ports.agi}"}
    service = Service(lab, redis_url, tmp_path / "service", agi=settings, console={"enabled": False})
    lab.farm.phone("agent1").answer_after_s = None
    took: dict[str, float] = {}
    async with on(lab) as (line, _):
        await ask_again(lab)
        await service.start()
        os.kill(service.pid, signal.SIGSTOP)
        for state in ("hung", "hung again", "gone"):
            if state == "gone":
                await service.kill()
                await ask_again(lab)
            call = await lab.farm.phone("customer1").call(ASKING)
            took[state] = await line.reaches("Queue")
            assert await line.variables("PRIORITY", "RESULT") == ["", "no answer"], state
            await call.hangup()
            await line.is_free()
    limit_s = WITHIN_S if lab.pbx.version >= 22 else 1.1
    assert max(took.values()) < limit_s + 0.3, f"a busy machine aside, the call waits once: {took}"
    assert took["hung again"] < took["hung"], "the second call does not wait"


async def test_the_dialplan_acts_on_the_call_of_a_channel(lab: Lab, service: Service) -> None:
    await _script(lab, "mode", "emotion")
    scene = await converse(lab, service, OWN_SCRIPT)
    started = await service.wait_for("call.started", call=scene.id)
    agent, customer = await _channel_of(lab, "PJSIP/agent1"), await _channel_of(lab, "PJSIP/customer1")
    for channel in (customer, agent):
        await _script(lab, "help", f"channel={channel}", run=True)
    await service.wait_for("assist.requested", call=scene.id)
    await _script(lab, "opt-out", f"channel={agent}", run=True)
    await service.wait_for("command.completed", action="opt_out", call=scene.id)
    await scene.customer.hangup()
    assert started["data"]["mode"] == "emotion"
    assert len(service.of("assist.requested")) <= 1, "a customer's channel asks for no help"


async def _channel_of(lab: Lab, name: str) -> str:
    async with on(lab) as (_, remote):
        channels = await remote.ask("GET", "channels")
    return next(str(each["id"]) for each in channels if each["name"].startswith(name))


async def _script(lab: Lab, script: str, *arguments: str, run: bool = False) -> None:
    """Set the script that OWN_SCRIPT runs, or have a channel without a party run it at once."""
    async with on(lab) as (_, remote):
        url = ",".join([f"agi://127.0.0.1:{lab.pbx.ports.agi}/{script}", *arguments])
        await remote.ask("POST", "asterisk/variable", variable="SCRIPT", value=url)
        if run:
            await remote.ask("POST", "channels", endpoint="Local/script@acts/n", extension="stay", context="acts")
            await asyncio.sleep(0.2)  # the variable is global
