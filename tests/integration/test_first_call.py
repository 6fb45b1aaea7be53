"""From a customer's raised voice to a supervisor in the agent's ear, on a real Asterisk, with `callguard run`.

The voices are recordings of people where the speech data are at hand, else synthesised. Supervisors and agents speak
tones, so that who heard whom is proved in what each phone recorded.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from callguard.testbed.lab.phone import PhoneCall
from callguard.testbed.lab.tones import tone_dbfs
from tests.integration.harness.service import LOUD_RULE, Service
from tests.integration.harness.speech import call_voice
from tests.integration.harness.tones import Voices

AGENT_HZ, SUPERVISOR_HZ = 1130, 1730
HEARD_DBFS, UNHEARD_DBFS = -40.0, -75.0


@pytest_asyncio.fixture(loop_scope="session")
async def service(lab: Lab, redis_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """The service with the shipped rules."""
    async with Service(lab, redis_url, tmp_path / "service") as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def loud_service(lab: Lab, redis_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """The service with one rule, on the level alone, that rings a supervisor for a whisper."""
    async with Service(lab, redis_url, tmp_path / "service", rules=LOUD_RULE) as running:
        yield running


async def talk(lab: Lab, extension: str, customer: Path, agent: Path | None) -> tuple[PhoneCall, PhoneCall]:
    lab.farm.phone("agent1").voice = agent
    calling = await lab.farm.phone("customer1").call(extension, customer)
    return calling, await lab.farm.phone("agent1").answered()


async def tone_at(call: PhoneCall, hertz: int, start: float, end: float) -> float:
    return tone_dbfs(await call.heard(), hertz, start, end)


@pytest.mark.parametrize("extension", [QUEUE, "201"], ids=["queue", "dial"])
async def test_a_customer_who_turns_angry_brings_a_supervisor_to_the_agents_ear(
    lab: Lab, service: Service, voices: Voices, tmp_path: Path, extension: str
) -> None:
    voice = call_voice(tmp_path / "turning.wav", ("neutral", 14), ("angry", 40))
    lab.farm.phone("supervisor1").voice = voices.tone(SUPERVISOR_HZ)
    customer, agent = await talk(lab, extension, voice, None)
    started = await service.wait_for("call.started")
    assert started["data"]["queue"] == ("support" if extension == QUEUE else None)
    await service.wait_for("tap.opened", leg="customer")
    await service.wait_for("tap.opened", leg="agent")

    fired = await service.wait_for("alert.fired", 40, leg="customer")
    assert customer.elapsed > 13, "fired while the customer was calm"
    evidence = fired["data"]["evidence"]
    assert any(comparison["holds"] for comparison in evidence["comparisons"])
    assert evidence["baseline"]["level_dbfs"] is not None
    assert len(evidence["curve"]["signals"]["customer.raised_voice"]) > 10
    assert fired["data"]["basis"] == "raised_voice"

    answer = await service.command("whisper", call=started["subject"], supervisor="lead")
    assert answer["ok"], answer
    supervisor = await lab.farm.phone("supervisor1").answered()
    at_agent, at_customer, at_supervisor = agent.elapsed, customer.elapsed, supervisor.elapsed
    await asyncio.sleep(1.5)
    await customer.hangup()
    await service.wait_for("supervision.ended", reason="customer_left")
    await service.wait_for("call.ended")
    await service.wait_for("alert.resolved", alert=fired["data"]["alert"])

    assert await tone_at(agent, SUPERVISOR_HZ, at_agent + 0.3, at_agent + 1.4) > HEARD_DBFS
    assert await tone_at(customer, SUPERVISOR_HZ, 0, at_customer + 1.4) < UNHEARD_DBFS
    assert (await supervisor.heard()).stat().st_size > 8000 * at_supervisor


async def test_the_alert_itself_rings_and_whispers(
    lab: Lab, loud_service: Service, voices: Voices, tmp_path: Path
) -> None:
    voice = call_voice(tmp_path / "turning.wav", ("neutral", 3), ("angry", 30))
    lab.farm.phone("supervisor1").voice = voices.tone(SUPERVISOR_HZ)
    customer, agent = await talk(lab, QUEUE, voice, None)
    fired = await loud_service.wait_for("alert.fired", 20, leg="customer")
    started = await loud_service.wait_for("supervision.started", alert=fired["data"]["alert"], mode="whisper")
    acknowledged = await loud_service.wait_for("alert.acknowledged", by="lead")
    assert acknowledged["data"]["after_s"] < 10
    begin = agent.elapsed
    await asyncio.sleep(1.2)
    call = started["subject"]

    barge = await loud_service.command("set_mode", call=call, supervisor="lead", args={"mode": "barge"})
    assert barge["ok"], barge
    barged = customer.elapsed
    await asyncio.sleep(1.2)
    over = await loud_service.command("set_mode", call=call, args={"mode": "takeover"})
    assert over["ok"], over
    taken = customer.elapsed
    await asyncio.wait_for(agent.ended.wait(), 5)
    handed = await loud_service.wait_for("call.updated", change="handoff")
    assert handed["data"]["agent"] == "lead", "the board names who took over, not a phone"
    await asyncio.sleep(1.2)
    assert not customer.ended.is_set(), "the customer was dropped at the take-over"
    end = customer.elapsed
    await customer.hangup()
    await loud_service.wait_for("call.ended")

    assert await tone_at(agent, SUPERVISOR_HZ, begin + 0.2, begin + 1.0) > HEARD_DBFS
    assert await tone_at(customer, SUPERVISOR_HZ, 0, barged - 0.4) < UNHEARD_DBFS
    assert await tone_at(customer, SUPERVISOR_HZ, barged + 0.2, taken - 0.2) > HEARD_DBFS
    assert await tone_at(customer, SUPERVISOR_HZ, taken + 0.3, end - 0.1) > HEARD_DBFS


async def test_a_pbx_without_our_dialplan_is_tapped_by_rtp(
    lab: Lab, redis_url: str, voices: Voices, tmp_path: Path
) -> None:
    rtp = {"tap": "external_media"}
    async with Service(lab, redis_url, tmp_path / "s", rules=LOUD_RULE, media=rtp) as service:
        customer, agent = await talk(lab, "201", call_voice(tmp_path / "v.wav", ("neutral", 4), ("angry", 20)), None)
        opened = await service.wait_for("tap.opened", leg="customer")
        assert opened["data"]["path"] == "external_media"
        await service.wait_for("alert.fired", 15, leg="customer")
        assert customer.elapsed > 3.5
        await agent.hangup()
        await service.wait_for("call.ended")


async def test_an_agent_who_shouts_raises_no_alert_about_the_customer(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    calm = call_voice(tmp_path / "calm.wav", *(("neutral", 4), ("silence", 4)) * 4)
    loud = call_voice(tmp_path / "loud.wav", *(("silence", 4), ("angry", 4)) * 4, speaker="emo10")
    customer, _ = await talk(lab, QUEUE, calm, loud)
    await asyncio.sleep(22)
    await customer.hangup()
    await service.wait_for("call.ended")
    assert [alert["data"]["rule"] for alert in service.of("alert.fired", leg="customer")] == []


async def test_a_calm_call_and_hold_music_raise_no_alert(lab: Lab, service: Service, tmp_path: Path) -> None:
    calm = call_voice(tmp_path / "calm.wav", *(("neutral", 4), ("silence", 3)) * 6)
    calm_agent = call_voice(tmp_path / "agent.wav", *(("silence", 4), ("neutral", 3)) * 6, speaker="emo03")
    customer, agent = await talk(lab, QUEUE, calm, calm_agent)
    await asyncio.sleep(9)
    await agent.hold()
    await service.wait_for("call.updated", change="hold")
    await asyncio.sleep(6)
    await agent.unhold()
    await asyncio.sleep(4)
    await customer.hangup()
    await service.wait_for("call.ended")
    assert [alert["data"]["rule"] for alert in service.of("alert.fired")] == []
