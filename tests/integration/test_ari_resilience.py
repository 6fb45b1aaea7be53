"""What happens when the network, Asterisk, or we ourselves fail, on a real Asterisk."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callguard.asterisk.client import ApplicationTakenError
from callguard.asterisk.supervision.session import RingRequest
from callguard.config import Config
from callguard.contracts.events import (
    CallEnded,
    CallStarted,
    NodeDegraded,
    NodeRecovered,
    SupervisionEnded,
    TapLost,
    TapOpened,
)
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.phone import PhoneCall
from callguard.testbed.lab.tones import tone_dbfs
from callguard.testbed.proxy import Proxy
from tests.asterisk.harness.node import Node, config_for, node, supervisor
from tests.asterisk.harness.receiver import Receiver
from tests.asterisk.harness.talk import OTHER_HZ, conversation
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.tones import Voices

ROOT = Path(__file__).parents[2]


async def test_a_cut_event_socket_in_mid_call_loses_and_doubles_nothing(lab: Lab, voices: Voices) -> None:
    async with Proxy(lab.pbx.ports.http) as proxy:
        config = config_for(lab, url=f"http://127.0.0.1:{proxy.port}")
        async with node(config) as running:
            _, agent = await conversation(lab, voices)
            call = await running.tapped_call()
            heard = [len(leg.pcm) for leg in running.receiver.open_legs()]
            proxy.cut()
            await running.event(NodeDegraded)
            await agent.hold()
            await asyncio.sleep(1.0)
            assert all(
                len(leg.pcm) - before > 0.8 * 16000
                for leg, before in zip(running.receiver.open_legs(), heard, strict=True)
            )
            await agent.unhold()
            proxy.mend()
            assert (await running.event(NodeRecovered)).reason == "ari"
            assert list(running.app.calls) == [call.id]
            assert len(running.of(CallStarted)) == 1
            assert len(running.of(TapOpened)) == 2
            assert not running.of(TapLost)
            assert not running.of(CallEnded)


async def test_what_ended_while_the_socket_was_cut_ends_on_return(lab: Lab, voices: Voices) -> None:
    async with Proxy(lab.pbx.ports.http) as proxy:
        config = config_for(lab, url=f"http://127.0.0.1:{proxy.port}")
        async with node(config) as running:
            customer, _ = await conversation(lab, voices)
            call = await running.tapped_call()
            await running.app.supervision.ring(RingRequest(call=call.id, supervisors=(supervisor(1),), mode="barge"))
            boss = await lab.farm.phone("supervisor1").answered()
            proxy.cut()
            await running.event(NodeDegraded)
            await customer.hangup()
            proxy.mend()
            assert (await running.event(CallEnded)).reason == "lost"
            assert (await running.event(SupervisionEnded)).reason == "customer_left"
            await asyncio.wait_for(boss.ended.wait(), 5)


async def test_after_a_restart_of_asterisk_the_next_call_is_tapped(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        await running.until(lambda: running.app.ami.connected)
        await conversation(lab, voices)
        await running.tapped_call()
        await lab.pbx.kill()
        await running.until(lambda: {event.reason for event in running.of(NodeDegraded)} == {"ari", "ami"})
        await lab.farm.hang_up_all()
        await lab.pbx.start()
        await running.until(lambda: {event.reason for event in running.of(NodeRecovered)} == {"ari", "ami"}, 15)
        assert (await running.event(CallEnded)).reason == "lost"
        await running.until(lambda: not running.receiver.open_legs())
        await asyncio.sleep(0.5)  # the phones' contacts are qualified anew
        await conversation(lab, voices)
        await running.tapped_call()
        assert len(running.of(CallStarted)) == 2


@asynccontextmanager
async def crash_after_joining(lab: Lab, voices: Voices, config: Config, mode: str) -> AsyncIterator[list[PhoneCall]]:
    """A call with a supervisor joined by a process that is then killed; gives the phones of customer and supervisor."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.asterisk.harness.crashing", config.model_dump_json(), mode),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=os.environ,
    )
    assert process.stdout
    try:
        await asyncio.sleep(1.0)
        lab.farm.phone("supervisor1").voice = voices.tone(OTHER_HZ)
        customer, _ = await conversation(lab, voices)
        await asyncio.wait_for(process.stdout.readuntil(b"joined\n"), 15)
        boss = await lab.farm.phone("supervisor1").answered()
    finally:
        process.kill()
        await process.wait()
    yield [customer, boss]


@pytest.mark.parametrize("tap", ["audiosocket", "external_media"])
async def test_killed_in_mid_whisper_the_call_goes_on_and_the_next_run_tidies_up(
    lab: Lab, voices: Voices, tap: str
) -> None:
    config = config_for(lab, media={"tap": tap})
    async with crash_after_joining(lab, voices, config, "whisper") as (customer, boss), node(config) as running:
        await asyncio.wait_for(boss.ended.wait(), 5)
        ended = await running.event(SupervisionEnded)
        assert (ended.reason, ended.supervisor, ended.mode) == ("restart", "boss1", "whisper")
        call = await running.tapped_call()
        assert ended.call == call.id
        assert not customer.ended.is_set()
        names = [name for name in await leftovers(lab.pbx) if "callguard." in name or "Snoop/" in name]
        assert not [name for name in names if not any(leg in name for leg in running.receiver.legs)]


async def test_a_supervisor_who_took_over_survives_our_crash(lab: Lab, voices: Voices) -> None:
    config = config_for(lab)
    async with crash_after_joining(lab, voices, config, "takeover") as (customer, boss), node(config) as running:
        call = await running.tapped_call()
        assert call.agent_channel
        assert call.agent_channel.startswith("PJSIP/supervisor1-")
        begin = customer.elapsed
        await asyncio.sleep(0.5)
        end = customer.elapsed
        await boss.hangup()
        assert tone_dbfs(await customer.heard(), OTHER_HZ, begin, end) > -30


async def test_two_programs_of_one_name_are_a_clear_fatal_error(lab: Lab) -> None:
    config = config_for(lab)
    async with node(config) as second:
        async with Receiver() as receiver:
            third = Node(config, receiver)
            task = asyncio.create_task(third.app.run())
            await third.until(lambda: third.app.ready)
            await second.until(lambda: second.failure)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert second.failure
        with pytest.raises(ApplicationTakenError, match=r"asterisk\.ari\.app"):
            raise second.failure
