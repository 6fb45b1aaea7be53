"""The lab itself: what it proves about CallGuard is worth what these tests prove about the lab."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES, QUEUE, QUEUE_WITH_FEATURES
from callguard.testbed.lab.phone import CallFailed, PhoneCall
from callguard.testbed.lab.remote import Remote
from callguard.testbed.lab.tones import read_wav, tone_dbfs, tone_share
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.tones import Voices

CUSTOMER_HZ, AGENT_HZ, OTHER_HZ = 440, 1000, 1700
ABSENT_DBFS = -45
"""Voices speak at -15 dBFS: 30 dB below, nobody is heard."""


async def conversation(lab: Lab, voices: Voices, extension: str) -> tuple[PhoneCall, PhoneCall]:
    lab.farm.phone("agent1").voice = voices.tone(AGENT_HZ)
    customer = await lab.farm.phone("customer1").call(extension, voices.tone(CUSTOMER_HZ))
    return customer, await lab.farm.phone("agent1").answered()


async def hears_only(call: PhoneCall, hertz: int, start: float, end: float) -> None:
    """Quiet machine: share 1.000, other tones below -90 dBFS. A late frame on a busy one is a click."""
    recording = await call.heard()
    assert tone_share(recording, hertz, start, end) > 0.9
    for other in {CUSTOMER_HZ, AGENT_HZ, OTHER_HZ} - {hertz}:
        assert tone_dbfs(recording, other, start, end) < ABSENT_DBFS


@pytest.mark.parametrize("extension", [QUEUE, QUEUE_WITH_FEATURES, "201", f"{FEATURES}201"])
async def test_each_side_hears_the_other_side_only(lab: Lab, voices: Voices, extension: str) -> None:
    customer, agent = await conversation(lab, voices, extension)
    await asyncio.sleep(1.5)
    await customer.hangup()
    await hears_only(customer, AGENT_HZ, 0.7, 1.4)
    await hears_only(agent, CUSTOMER_HZ, 0.5, 1.4)


async def test_a_recording_lasts_from_answer_to_hangup(lab: Lab, voices: Voices) -> None:
    customer, agent = await conversation(lab, voices, "201")
    await asyncio.sleep(2)
    seconds = agent.elapsed
    await customer.hangup()
    assert len(read_wav(await agent.heard())) / 8000 == pytest.approx(seconds, abs=0.15)


async def test_a_phone_may_say_something_else_later(lab: Lab, voices: Voices) -> None:
    customer, agent = await conversation(lab, voices, "201")
    await asyncio.sleep(1)
    changed = agent.elapsed
    await customer.say(voices.tone(OTHER_HZ))
    await asyncio.sleep(1)
    await customer.hush()
    hushed = agent.elapsed
    await asyncio.sleep(0.8)
    await customer.hangup()
    await hears_only(agent, OTHER_HZ, changed + 0.2, hushed - 0.1)
    assert tone_dbfs(await agent.heard(), OTHER_HZ, hushed + 0.2) < ABSENT_DBFS


async def test_digits_arrive_while_a_voice_plays(lab: Lab, voices: Voices) -> None:
    customer, agent = await conversation(lab, voices, "201")
    await customer.dtmf("159#")
    await asyncio.sleep(0.3)
    assert agent.digits == "159#"


async def test_on_hold_the_other_side_hears_music(lab: Lab, voices: Voices) -> None:
    customer, agent = await conversation(lab, voices, "201")
    await asyncio.sleep(0.7)
    held = customer.elapsed
    await agent.hold()
    await asyncio.sleep(1.2)
    resumed = customer.elapsed
    await agent.unhold()
    await asyncio.sleep(1)
    await customer.hangup()
    recording = await customer.heard()
    assert tone_dbfs(recording, AGENT_HZ, held + 0.2, resumed) < ABSENT_DBFS
    assert max(tone_dbfs(recording, note, held + 0.2, resumed) for note in (262, 330, 392)) > -40
    assert tone_share(recording, AGENT_HZ, resumed + 0.3) > 0.9


async def test_a_phone_transfers_by_refer(lab: Lab, voices: Voices) -> None:
    lab.farm.phone("agent2").voice = voices.tone(OTHER_HZ)
    customer, agent = await conversation(lab, voices, "201")
    await agent.transfer("202")
    await lab.farm.phone("agent2").answered()
    start = customer.elapsed
    await asyncio.sleep(1)
    await customer.hangup()
    await hears_only(customer, OTHER_HZ, start + 0.3, start + 0.9)


async def test_a_phone_joins_the_other_sides_of_two_calls(lab: Lab, voices: Voices) -> None:
    customer, agent = await conversation(lab, voices, "201")
    lab.farm.phone("agent2").voice = voices.tone(OTHER_HZ)
    await agent.hold()
    line = await agent.phone.call("202")
    colleague = await lab.farm.phone("agent2").answered()
    await agent.transfer_to(line)
    await asyncio.wait_for(line.ended.wait(), 5)
    begin = customer.elapsed
    await asyncio.sleep(0.8)
    end = customer.elapsed
    assert not colleague.ended.is_set()
    await customer.hangup()
    await hears_only(customer, OTHER_HZ, begin + 0.2, end)


async def test_a_phone_transfers_by_feature_code(lab: Lab, voices: Voices) -> None:
    customer, agent = await conversation(lab, voices, f"{FEATURES}201")
    await asyncio.sleep(0.5)
    await agent.dtmf("#1")
    await asyncio.sleep(1)
    await agent.dtmf("202")
    await lab.farm.phone("agent2").answered()
    await asyncio.wait_for(agent.ended.wait(), 5)
    await customer.hangup()


@asynccontextmanager
async def pbx_events(lab: Lab, seen: list[tuple[str, str]]) -> AsyncIterator[None]:
    """Collect the user events of all channels: name and endpoint."""

    def note(event: dict[str, Any]) -> None:
        if event["type"] == "ChannelUserevent":
            seen.append((event["eventname"], event["channel"]["name"].rpartition("-")[0]))

    remote = Remote(lab.pbx, note)
    await remote.open()
    await remote.ask("POST", f"applications/{Remote.APP}/subscription", eventSource="channel:")
    try:
        yield
    finally:
        await remote.close()


async def test_the_agent_s_codes_tell_who_keyed_them(lab: Lab, voices: Voices) -> None:
    customer, agent = await conversation(lab, voices, QUEUE_WITH_FEATURES)
    seen: list[tuple[str, str]] = []
    async with pbx_events(lab, seen):
        await agent.dtmf("*55")
        await asyncio.sleep(0.5)
        await agent.dtmf("*56")
        await asyncio.sleep(0.5)
        await agent.dtmf("*57")
        await asyncio.sleep(0.5)
        await customer.dtmf("*55")
        await asyncio.sleep(0.5)
    assert seen == [
        ("CallGuardHelp", "PJSIP/agent1"),
        ("CallGuardAbuse", "PJSIP/agent1"),
        ("CallGuardQuiet", "PJSIP/agent1"),
        ("CallGuardHelp", "PJSIP/customer1"),
    ]
    await customer.hangup()


async def test_a_busy_phone_refuses(lab: Lab) -> None:
    lab.farm.phone("agent1").busy = True
    with pytest.raises(CallFailed, match="cause 17"):
        await lab.farm.phone("customer1").call("201")


async def test_a_phone_may_ring_without_answer(lab: Lab) -> None:
    lab.farm.phone("agent1").answer_after_s = None
    calling = asyncio.create_task(lab.farm.phone("customer1").call("201"))
    ringing = await lab.farm.phone("agent1").rung()
    await asyncio.sleep(0.5)
    assert not ringing.up.is_set()
    assert not calling.done()
    await ringing.hangup()
    with pytest.raises(CallFailed):
        await calling


async def test_a_voice_that_no_phone_can_speak_is_refused(lab: Lab, tmp_path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF, but no more")
    with pytest.raises(ValueError, match=r"bad\.wav"):
        await lab.farm.phone("customer1").call("201", bad)


async def test_the_pbx_can_be_killed_and_started_again(lab: Lab, voices: Voices) -> None:
    customer, _ = await conversation(lab, voices, "201")
    url, pid = lab.pbx.ari_url, lab.pbx.pid
    await lab.pbx.kill()
    assert not lab.pbx.running
    await lab.pbx.start()
    assert (lab.pbx.ari_url, lab.pbx.pid != pid) == (url, True)
    await lab.farm.hang_up_all()
    customer, agent = await conversation(lab, voices, "201")
    await asyncio.sleep(1)
    await customer.hangup()
    await hears_only(agent, CUSTOMER_HZ, 0.3, 0.9)


async def test_what_is_left_on_the_pbx_is_seen(lab: Lab, voices: Voices) -> None:
    customer, _ = await conversation(lab, voices, "201")
    left = await leftovers(lab.pbx)
    assert len([line for line in left if line.startswith("channel PJSIP/")]) == 2
    assert len([line for line in left if line.startswith("bridge ")]) == 1
    await customer.hangup()


async def test_asterisk_ends_with_the_process_that_started_it(tmp_path) -> None:
    script = "import asyncio\nfrom callguard.testbed.lab.lab import Lab\n" + (
        "async def main():\n    async with Lab.start() as lab:\n"
        "        print(lab.pbx.pid, lab.farm.pid, flush=True)\n        await asyncio.sleep(60)\nasyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    pids = [int(pid) for pid in (await asyncio.wait_for(parent.stdout.readline(), 60)).split()]
    assert len(pids) == 2
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    for _ in range(50):
        if not any(alive(pid) for pid in pids):
            return
        await asyncio.sleep(0.1)
    pytest.fail("Asterisk outlived its parent")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_the_log_holds_no_error_after_the_start() -> None:
    """So that a line in the log is worth reading."""
    async with Lab.start(customers=1, agents=1, supervisors=1) as fresh:
        assert [line for line in fresh.pbx.log.read_text().splitlines() if "ERROR[" in line] == []
