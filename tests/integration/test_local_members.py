"""Queue members that are Local channels, as FreePBX makes them: the agent is behind the Local channel's other half."""

import asyncio
from pathlib import Path

import pytest

from callguard.contracts.events import CallEnded, CallStarted, SupervisionEnded, SupervisionModeChanged, TapLost
from callguard.contracts.vocabulary import SupervisionMode
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import LOCAL, LOCAL_KEPT
from callguard.testbed.lab.tones import tone_dbfs
from tests.asterisk.harness.node import config_for, node
from tests.asterisk.harness.talk import console
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.parties import HEARD_DBFS, HERTZ, SILENT_DBFS, WHO_HEARS_WHOM, frames_with, gather
from tests.integration.harness.tones import Voices

OPTIMIZED_S = 1.0
"""So long after the answer Asterisk has taken the Local channel out of the call, where it does."""
queues = pytest.mark.parametrize(("extension", "queue"), [(LOCAL, "local"), (LOCAL_KEPT, "local-kept")])


@queues
async def test_a_call_through_a_local_channel_is_one_call_of_the_right_two(
    lab: Lab, voices: Voices, tmp_path: Path, extension: str, queue: str
) -> None:
    async with node(config_for(lab)) as running:
        await running.until(lambda: running.app.ami.connected)
        parties = await gather(lab, voices, running, extension)
        await asyncio.sleep(OPTIMIZED_S)
        await running.tapped_call()
        await asyncio.sleep(0.6)
        halves = [each for each in await leftovers(lab.pbx) if each.startswith("channel Local/")]
        assert len(halves) == (2 if extension == LOCAL_KEPT else 0)
        (call,) = running.app.calls.values()
        assert call.customer_channel.startswith("PJSIP/customer1-")
        assert (call.agent_channel or "").startswith("PJSIP/agent1-")
        assert (call.queue, call.member, call.together) == (queue, "agent1", True)
        assert call.wait_s is not None
        assert [leg.opened.role for leg in running.receiver.open_legs()].count("agent") == 1
        for role, other in (("customer", "agent"), ("agent", "customer")):
            heard = running.receiver.heard(running.receiver.of(role)[-1], tmp_path / f"{role}.wav", 0.4)
            assert tone_dbfs(heard, HERTZ[role]) > HEARD_DBFS
            assert tone_dbfs(heard, HERTZ[other]) < SILENT_DBFS
        await parties.hang_up()
        await running.event(CallEnded)
        assert len(running.of(CallStarted)) == len(running.of(CallEnded)) == 1
        assert not running.of(TapLost)


@queues
@pytest.mark.parametrize("mode", ["whisper", "barge"])
@pytest.mark.parametrize("joins_after", [0.0, OPTIMIZED_S])
async def test_a_supervisor_reaches_an_agent_behind_a_local_channel(
    lab: Lab, voices: Voices, extension: str, queue: str, mode: SupervisionMode, joins_after: float
) -> None:
    """Also one who joins before Asterisk takes the Local channel out of the call."""
    async with node(config_for(lab)) as running:
        parties = await gather(lab, voices, running, extension)
        await asyncio.sleep(joins_after)
        await parties.join(mode)
        await asyncio.sleep(OPTIMIZED_S)
        stretches = await parties.listen_for()
        await parties.hang_up()
        assert not running.of(SupervisionModeChanged), "nobody parted"
        assert (await running.event(SupervisionEnded)).reason == "customer_left"
        for listener, heard in WHO_HEARS_WHOM[mode].items():
            assert await parties.heard(listener, stretches) == heard, listener
        if mode == "whisper":
            assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []


@queues
async def test_a_takeover_pauses_a_member_by_what_the_queue_rings(
    lab: Lab, voices: Voices, extension: str, queue: str
) -> None:
    async with node(config_for(lab, supervision={"cooldown_s": 60})) as running:
        await running.until(lambda: running.app.ami.connected)
        parties = await gather(lab, voices, running, extension)
        await running.until(lambda: running.app.calls[parties.call.id].wait_s is not None)
        await asyncio.sleep(OPTIMIZED_S)
        await parties.join("takeover")
        await parties.phones["agent"].heard()
        for _ in range(40):
            if "CallGuard cool-down" in (shown := await console(lab, f"queue show {queue}")):
                break
            await asyncio.sleep(0.05)
        assert "paused:CallGuard cool-down" in shown
        stretches = await parties.listen_for()
        await parties.hang_up()
        assert await parties.heard("customer", stretches) == {"supervisor"}
        assert await parties.heard("supervisor", stretches) == {"customer"}
