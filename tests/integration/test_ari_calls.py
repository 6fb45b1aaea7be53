"""Calls and taps on a real Asterisk: who is who, and that each leg carries its own party's voice only."""

import asyncio
from pathlib import Path

import pytest

from callguard.contracts.events import CallEnded, TapOpened
from callguard.contracts.messages import LegSource
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES, QUEUE, QUEUE_WITH_FEATURES
from callguard.testbed.lab.tones import tone_dbfs, tone_share
from tests.asterisk.harness.node import Node, config_for, node
from tests.asterisk.harness.talk import AGENT_HZ, CUSTOMER_HZ, OTHER_HZ, conversation
from tests.integration.harness.tones import Voices


def hears_only(running: Node, role: str, hertz: int, folder: Path) -> None:
    heard = running.receiver.heard(running.receiver.of(role)[-1], folder / f"{role}.wav", 0.5)
    assert tone_share(heard, hertz) > 0.9  # on a busy machine the mixer leaves gaps, and these spread the line
    for other in {CUSTOMER_HZ, AGENT_HZ, OTHER_HZ} - {hertz}:
        assert tone_dbfs(heard, other) < -45


@pytest.mark.parametrize("tap", ["audiosocket", "external_media"])
async def test_media_comes_over_ipv6(lab: Lab, voices: Voices, tmp_path: Path, tap: str) -> None:
    async with node(config_for(lab, media={"tap": tap, "listen": "::1"})) as running:
        customer, _ = await conversation(lab, voices, "201")
        await running.tapped_call()
        await asyncio.sleep(0.6)
        hears_only(running, "customer", CUSTOMER_HZ, tmp_path)
        hears_only(running, "agent", AGENT_HZ, tmp_path)
        if tap == "external_media":
            sources = [message.address for _, message in running.receiver.sent if isinstance(message, LegSource)]
            assert [source[0] for source in sources if source] == ["::1", "::1"]
        await customer.hangup()
        await running.event(CallEnded)


@pytest.mark.parametrize("tap", ["audiosocket", "external_media"])
@pytest.mark.parametrize("extension", [QUEUE, QUEUE_WITH_FEATURES, "201", f"{FEATURES}201"])
async def test_each_leg_carries_its_own_partys_voice(
    lab: Lab, voices: Voices, tmp_path: Path, tap: str, extension: str
) -> None:
    async with node(config_for(lab, media={"tap": tap})) as running:
        customer, _ = await conversation(lab, voices, extension)
        call = await running.tapped_call()
        await asyncio.sleep(0.8)
        hears_only(running, "customer", CUSTOMER_HZ, tmp_path)
        hears_only(running, "agent", AGENT_HZ, tmp_path)
        await customer.hangup()
        ended = await running.event(CallEnded)
        assert ended.call == call.id
        assert not running.app.calls
    assert call.customer_channel.startswith("PJSIP/customer1-")
    assert call.agent_channel
    assert call.agent_channel.startswith("PJSIP/agent1-")
    assert call.queue == ("support" if extension in (QUEUE, QUEUE_WITH_FEATURES) else None)
    assert {event.path for event in running.of(TapOpened)} == {tap}
