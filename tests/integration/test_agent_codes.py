"""What agents key in mid-call, on a real Asterisk with the shipped features: *55, *56 and *57."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE_WITH_FEATURES
from tests.integration.harness.scene import converse, sounds
from tests.integration.harness.service import Service

WARNING_S = 4.0
"""Least length of the spoken warning."""


@pytest_asyncio.fixture(loop_scope="session")
async def service(lab: Lab, redis_url: str, tmp_path: Path, request: Any) -> AsyncIterator[Service]:
    """The service with the shipped rules; parametrize indirectly with the supervision section."""
    section = {"briefing": False, "ring_timeout_s": 5} | getattr(request, "param", {})
    async with Service(lab, redis_url, tmp_path / "service", supervision=section) as running:
        yield running


async def test_55_asks_for_help_and_a_supervisor_comes(lab: Lab, service: Service) -> None:
    scene = await converse(lab, service, QUEUE_WITH_FEATURES)
    begin = scene.customer.elapsed
    await scene.agent.dtmf("*55")
    asked = await service.wait_for("assist.requested")
    assert (asked["data"]["agent"], asked["data"]["queue"], asked["data"]["basis"]) == ("agent1", "support", "agent")
    fired = await service.wait_for("alert.fired", rule="AgentAsksForHelp")
    await service.wait_for("supervision.started", alert=fired["data"]["alert"])
    await service.wait_for("alert.acknowledged", alert=fired["data"]["alert"])
    await scene.hang_up()
    assert not [at for at in await sounds(scene.customer) if at > begin], (
        "the customer heard the code or the supervisor"
    )


@pytest.mark.parametrize("service", [{"abuse_ends_call": True}], indirect=True, ids=["policy"])
async def test_56_warns_the_customer_and_again_ends_the_call_by_policy(lab: Lab, service: Service) -> None:
    scene = await converse(lab, service, QUEUE_WITH_FEATURES)
    begin = scene.customer.elapsed
    await scene.agent.dtmf("*56")
    await asyncio.sleep(1)
    await scene.agent.dtmf("*56")
    warned = await service.wait_for("abuse.warned", 12)
    assert warned["data"]["played"] is True
    assert not scene.customer.ended.is_set(), "a code keyed during the warning must not end the call"
    await scene.agent.dtmf("*56")
    ended = await service.wait_for("abuse.ended_call")
    assert ended["data"]["warned_at"] is not None
    await asyncio.wait_for(scene.customer.ended.wait(), 5)
    await service.wait_for("call.ended")
    heard = [at for at in await sounds(scene.customer) if at > begin]
    assert max(heard) - min(heard) > WARNING_S
    assert len(service.of("abuse.warned")) == 1


@pytest.mark.parametrize("service", [{"abuse_ends_call": True}], indirect=True, ids=["policy"])
async def test_a_warning_that_was_not_played_never_ends_a_call(lab: Lab, service: Service) -> None:
    prompts = lab.pbx.folder / "data" / "sounds" / "en" / "callguard"
    away = prompts.rename(prompts.with_name("away"))
    try:
        scene = await converse(lab, service, QUEUE_WITH_FEATURES)
        for _ in range(2):
            since = len(await service.read())
            await scene.agent.dtmf("*56")
            await service.wait_for("abuse.warned", since=since, played=False)
        await asyncio.sleep(0.3)
    finally:
        away.rename(prompts)
    assert not scene.customer.ended.is_set()
    await scene.hang_up()
    assert service.of("abuse.ended_call") == []


async def test_without_the_policy_a_second_56_warns_again(lab: Lab, service: Service) -> None:
    scene = await converse(lab, service, QUEUE_WITH_FEATURES)
    for _ in range(2):
        since = len(await service.read())
        await scene.agent.dtmf("*56")
        await service.wait_for("abuse.warned", 12, since=since, played=True)
    assert not scene.customer.ended.is_set()
    await scene.hang_up()
    assert service.of("abuse.ended_call") == []


@pytest.mark.parametrize("service", [{"prompt_interval_s": 0}], indirect=True, ids=["often"])
async def test_57_turns_prompts_off_without_a_trace_and_on_again(lab: Lab, service: Service) -> None:
    scene = await converse(lab, service, QUEUE_WITH_FEATURES)
    await scene.agent.dtmf("*57")
    await asyncio.sleep(0.3)
    before = scene.agent.elapsed
    refused = await scene.ask("prompt", args={"prompt": "slow-down"})
    quiet = scene.agent.elapsed
    await scene.agent.dtmf("*57")
    await asyncio.sleep(0.3)
    played = await scene.ask("prompt", args={"prompt": "slow-down"})
    assert refused["result"] == played["result"], "the answer tells a manager that the agent wants no prompts"
    assert len(service.of("prompt.played")) == 1
    await scene.hang_up()
    heard = await sounds(scene.agent)
    assert not [at for at in heard if before < at < quiet]
    assert [at for at in heard if at > quiet]
