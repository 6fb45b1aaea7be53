"""Supervisors in a running service: who is heard by whom, which key does what, and how everything ends.

Phones are silent or speak a tone, so that any sound in a recording has one possible source.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from callguard.testbed.lab.tones import tone_dbfs
from tests.asterisk.harness.talk import console
from tests.integration.harness.scene import converse, sounds
from tests.integration.harness.service import LOUD_RULE, Service
from tests.integration.harness.speech import call_voice
from tests.integration.harness.tones import Voices

SUPERVISOR_HZ = 1730
DELAY_S = 0.14
"""From a moment in a phone's mouth, or an event in our hands, to the frame in another phone's recording: 60 ms of drain
in the room, two jitter buffers, and our own polling of the stream every 50 ms."""
RING = LOUD_RULE.replace("ring_whisper", "ring_listen").replace("keep_firing_for: 1s", "keep_firing_for: 60s")
QUIET = RING.replace("> -20", "> 20")
"""Never fires: for what is asked by command."""


@pytest_asyncio.fixture(loop_scope="session")
async def service(lab: Lab, redis_url: str, tmp_path: Path, request: Any) -> AsyncIterator[Service]:
    """The service; parametrize indirectly with (rules, sections)."""
    rules, sections = getattr(request, "param", (QUIET, {}))
    async with Service(lab, redis_url, tmp_path / "service", rules=rules, **sections) as running:
        yield running


def having(rules: str = QUIET, **sections: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("service", [(rules, sections)], indirect=True, ids=["service"])


TWO = [{"name": "lead", "endpoint": "PJSIP/supervisor1"}, {"name": "deputy", "endpoint": "PJSIP/supervisor2"}]


@having(supervision={"briefing": True}, supervisors=TWO)
async def test_the_briefing_reaches_only_the_supervisor_and_any_key_skips_it(
    lab: Lab, service: Service, voices: Voices
) -> None:
    scene = await converse(lab, service)
    phone = lab.farm.phone("supervisor1")
    phone.voice = voices.tone(SUPERVISOR_HZ)
    asked = asyncio.create_task(scene.ask("barge", supervisor="lead"))
    supervisor = await phone.answered()
    answered = {"customer": scene.customer.elapsed, "agent": scene.agent.elapsed}
    await asked
    briefed_s = supervisor.elapsed
    assert 3.0 < briefed_s < 6.0
    await asyncio.sleep(0.5)
    skipping = asyncio.create_task(scene.ask("listen", supervisor="deputy"))
    second = await lab.farm.phone("supervisor2").answered()
    await asyncio.sleep(0.5)
    await second.dtmf("1")
    await skipping
    assert second.elapsed < 2.5
    await scene.hang_up()
    assert len([at for at in await sounds(supervisor) if at < briefed_s - DELAY_S]) > 50, "no briefing was heard"
    for name, party in (("customer", scene.customer), ("agent", scene.agent)):
        heard = await sounds(party)
        assert heard, f"the barge never reached the {name}"
        assert min(heard) > answered[name] + briefed_s - 2 * DELAY_S, f"the {name} heard somebody being briefed"


async def test_a_whispered_prompt_reaches_only_the_agent_and_not_too_often(lab: Lab, service: Service) -> None:
    scene = await converse(lab, service)
    begin = scene.agent.elapsed
    await scene.ask("prompt", args={"prompt": "lower-your-voice"})
    refused = await service.command("prompt", call=scene.id, args={"prompt": "slow-down"})
    assert not refused["ok"]
    assert refused["reason"].startswith("refused")
    await scene.hang_up()
    played = [event["data"]["prompt"] for event in service.of("prompt.played")]
    assert played == ["lower-your-voice"]
    assert len([at for at in await sounds(scene.agent) if at > begin]) > 20
    assert await sounds(scene.customer) == []


@having(RING, supervision={"briefing": False, "cooldown_s": 60, "ring_timeout_s": 5})
async def test_every_key_of_the_supervisors_phone(lab: Lab, service: Service, tmp_path: Path) -> None:
    scene = await converse(lab, service, QUEUE, customer=call_voice(tmp_path / "v.wav", ("neutral", 2), ("angry", 30)))
    supervisor = await lab.farm.phone("supervisor1").answered()
    started = await service.wait_for("supervision.started", mode="listen")
    alert = started["data"]["alert"]
    for key, mode in (("5", "whisper"), ("6", "barge"), ("4", "listen")):
        await supervisor.dtmf(key)
        changed = await service.wait_for("supervision.mode_changed", mode=mode, session=started["data"]["session"])
        assert changed["data"]["by"] == "key"
    await supervisor.dtmf("9")
    await service.wait_for("alert.judged", alert=alert, verdict="useful", by="lead")
    await supervisor.dtmf("8")
    await service.wait_for("alert.judged", alert=alert, verdict="false", by="lead")
    await supervisor.dtmf("*")
    await service.wait_for("supervision.ended", reason="supervisor_left")
    assert not scene.agent.ended.is_set()

    await scene.ask("whisper", supervisor="lead")
    again = await lab.farm.phone("supervisor1").answered()
    await again.dtmf("7")
    await service.wait_for("supervision.mode_changed", mode="takeover", by="key")
    await asyncio.wait_for(scene.agent.ended.wait(), 5)
    shown = await until_paused(lab)
    assert "paused:CallGuard cool-down" in shown
    assert not scene.customer.ended.is_set()
    await scene.hang_up()


async def until_paused(lab: Lab) -> str:
    for _ in range(40):
        shown = await console(lab, "queue show support")
        if "paused" in shown:
            return shown
        await asyncio.sleep(0.05)
    return shown


async def test_the_customer_never_hears_a_whisper_not_for_one_frame(lab: Lab, service: Service, voices: Voices) -> None:
    """Only the supervisor speaks: any sound at the customer's phone outside a barge is a leak."""
    scene = await converse(lab, service)
    phone = lab.farm.phone("supervisor1")
    phone.voice = voices.tone(SUPERVISOR_HZ)
    await scene.ask("listen", supervisor="lead")
    await phone.answered()
    barged: list[tuple[float, float]] = []
    whispered: list[tuple[float, float]] = []
    for mode in ("whisper", "listen", "barge", "whisper", "barge", "listen", "whisper", "barge", "whisper", "listen"):
        at_customer, at_agent = scene.customer.elapsed, scene.agent.elapsed
        await scene.ask("set_mode", args={"mode": mode})
        if barged and barged[-1][1] == float("inf"):
            barged[-1] = (barged[-1][0], scene.customer.elapsed + DELAY_S)
        if mode == "barge":
            barged.append((at_customer, float("inf")))
        await asyncio.sleep(0.25)
        if mode == "whisper":
            whispered.append((at_agent, scene.agent.elapsed))
    await scene.hang_up()
    heard, at_agent_phone = await sounds(scene.customer), await sounds(scene.agent)
    leaks = [at for at in heard if not any(begin <= at <= end for begin, end in barged)]
    assert leaks == [], f"the customer heard a whisper at {leaks} s; barges: {barged}"
    assert all(any(begin <= at <= end for at in heard) for begin, end in barged), "a barge was not heard"
    assert all(any(begin <= at <= end for at in at_agent_phone) for begin, end in whispered), "a whisper was not heard"


@having(supervisors=TWO)
async def test_a_second_supervisor_joins_and_each_is_heard_as_they_chose(
    lab: Lab, service: Service, voices: Voices
) -> None:
    scene = await converse(lab, service)
    hertz = {"lead": 1730, "deputy": 2110}
    for number, (name, mode) in enumerate((("lead", "listen"), ("deputy", "whisper")), 1):
        lab.farm.phone(f"supervisor{number}").voice = voices.tone(hertz[name])
        await scene.ask(mode, supervisor=name)
    begin = scene.agent.elapsed
    await asyncio.sleep(0.8)
    end = scene.agent.elapsed
    busy = await service.command("whisper", call=scene.id, supervisor="lead")
    assert busy["reason"].startswith("busy")
    whose = await service.command("set_mode", call=scene.id, args={"mode": "barge"})
    assert whose["reason"].startswith("refused"), "two supervisors, and nobody was named"
    await scene.ask("stop", supervisor="deputy")
    await service.wait_for("supervision.ended", supervisor="deputy", reason="stopped")
    assert not lab.farm.phone("supervisor1").calls[0].ended.is_set()
    await scene.hang_up()
    heard = await scene.agent.heard()
    assert tone_dbfs(heard, hertz["deputy"], begin + 0.2, end) > -30
    assert tone_dbfs(heard, hertz["lead"], begin + 0.2, end) < -60
    assert await sounds(scene.customer) == []


@pytest.mark.parametrize(
    ("who", "reason"),
    [("customer", "customer_left"), ("agent", "agent_left"), ("supervisor", "supervisor_left")],
)
async def test_whoever_hangs_up_during_a_whisper_the_end_is_told_and_nobody_is_left(
    lab: Lab, service: Service, who: str, reason: str
) -> None:
    scene = await converse(lab, service)
    await scene.ask("whisper", supervisor="lead")
    supervisor = await lab.farm.phone("supervisor1").answered()
    await {"customer": scene.customer, "agent": scene.agent, "supervisor": supervisor}[who].hangup()
    await service.wait_for("supervision.ended", reason=reason)
    await asyncio.wait_for(supervisor.ended.wait(), 5)
    assert scene.agent.ended.is_set() == (who != "supervisor")
    await scene.customer.hangup()
    await service.wait_for("call.ended")


async def test_a_transfer_during_a_whisper_takes_the_supervisor_along(
    lab: Lab, service: Service, voices: Voices
) -> None:
    scene = await converse(lab, service)
    phone = lab.farm.phone("supervisor1")
    phone.voice = voices.tone(SUPERVISOR_HZ)
    await scene.ask("whisper", supervisor="lead")
    supervisor = await phone.answered()
    await scene.agent.transfer("202")
    successor = await lab.farm.phone("agent2").answered()
    await service.wait_for("call.updated", change="transfer", agent="agent2")
    await service.wait_for("supervision.mode_changed", by="call", suspended=False, reason="transfer")
    begin = successor.elapsed
    await asyncio.sleep(0.6)
    assert not supervisor.ended.is_set()
    await scene.hang_up()
    await service.wait_for("supervision.ended", reason="customer_left")
    assert tone_dbfs(await successor.heard(), SUPERVISOR_HZ, begin + 0.1) > -30
    assert tone_dbfs(await scene.customer.heard(), SUPERVISOR_HZ) < -60


async def test_a_whisper_survives_hold_and_stays_a_whisper(lab: Lab, service: Service, voices: Voices) -> None:
    scene = await converse(lab, service)
    phone = lab.farm.phone("supervisor1")
    phone.voice = voices.tone(SUPERVISOR_HZ)
    await scene.ask("whisper", supervisor="lead")
    await phone.answered()
    await scene.agent.hold()
    await service.wait_for("call.updated", change="hold")
    await asyncio.sleep(0.6)
    await scene.agent.unhold()
    await service.wait_for("call.updated", change="unhold")
    begin = scene.agent.elapsed
    await asyncio.sleep(0.6)
    end = scene.agent.elapsed
    assert not service.of("supervision.ended")
    await scene.hang_up()
    assert tone_dbfs(await scene.agent.heard(), SUPERVISOR_HZ, begin + 0.1, end) > -30
    assert tone_dbfs(await scene.customer.heard(), SUPERVISOR_HZ) < -60
