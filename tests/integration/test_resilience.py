"""Whatever fails, the call goes on, supervisors are not left alone, and no alert is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis.asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES, QUEUE
from callguard.testbed.lab.phone import PhoneCall
from callguard.testbed.lab.tones import tone_dbfs
from callguard.testbed.proxy import Proxy
from callguard.testbed.valkey import StoppableValkey
from tests.asterisk.harness.talk import console
from tests.integration.harness.service import LOUD_RULE, Service
from tests.integration.harness.speech import call_voice
from tests.integration.harness.tones import Voices

AGENT_HZ = 1130


@pytest_asyncio.fixture(loop_scope="session")
async def service(lab: Lab, redis_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    """The service with one rule, on the level alone."""
    async with Service(lab, redis_url, tmp_path / "service", rules=LOUD_RULE) as running:
        yield running


async def talk(lab: Lab, customer: Path, agent: Path | None = None) -> tuple[PhoneCall, PhoneCall]:
    lab.farm.phone("agent1").voice = agent
    calling = await lab.farm.phone("customer1").call(QUEUE, customer)
    return calling, await lab.farm.phone("agent1").answered()


async def tapped(service: Service, since: int = 0) -> str:
    await service.wait_for("tap.opened", since=since, leg="agent")
    return str((await service.wait_for("tap.opened", since=since, leg="customer"))["subject"])


async def test_detection_goes_on_while_the_ari_socket_is_cut(
    lab: Lab, redis_url: str, voices: Voices, tmp_path: Path
) -> None:
    voice = call_voice(tmp_path / "turning.wav", ("neutral", 6), ("angry", 20), ("neutral", 10))
    async with Proxy(lab.pbx.ports.http) as proxy:
        ari = {"url": f"http://127.0.0.1:{proxy.port}"}
        async with Service(lab, redis_url, tmp_path / "s", rules=LOUD_RULE, asterisk={"ari": ari}) as service:
            customer, _ = await talk(lab, voice)
            await tapped(service)
            proxy.cut()
            await service.wait_for("node.degraded", reason="ari")
            await service.wait_for("alert.fired", 15)
            proxy.mend()
            await service.wait_for("node.recovered", reason="ari")
            await service.wait_for("supervision.started", 20)
            await customer.hangup()
            await service.wait_for("call.ended")
            assert len(service.of("call.started")) == 1
            assert len(service.of("tap.opened")) == 2, "a leg was tapped twice"


async def test_the_next_call_is_tapped_after_asterisk_was_killed(lab: Lab, service: Service, tmp_path: Path) -> None:
    voice = call_voice(tmp_path / "turning.wav", ("neutral", 2), ("angry", 20))
    await talk(lab, voice)
    first = await tapped(service)
    await lab.pbx.kill()
    await service.wait_for("node.degraded", reason="ari")
    await lab.farm.hang_up_all()
    await lab.pbx.restart()
    await service.wait_for("node.recovered", 15, reason="ari")
    await service.wait_for("call.ended", call=first)
    before = len(service.events)
    customer, _ = await talk(lab, voice)
    assert await tapped(service, before) != first
    await service.wait_for("alert.fired", 15, since=before)
    await customer.hangup()
    await service.wait_for("call.ended", since=before)


async def test_a_killed_service_costs_no_call_and_comes_back(
    lab: Lab, service: Service, voices: Voices, tmp_path: Path
) -> None:
    voice = call_voice(tmp_path / "turning.wav", ("neutral", 20), ("angry", 20))
    customer, agent = await talk(lab, voice, voices.tone(AGENT_HZ))
    first = await tapped(service)
    await service.kill()
    dead = customer.elapsed
    await asyncio.sleep(2)
    alive = customer.elapsed
    before = len(await service.read())
    await service.start()
    assert await tapped(service, before) == first
    await service.wait_for("alert.fired", 25, since=before)
    await asyncio.sleep(0.5)
    assert not agent.ended.is_set()
    await customer.hangup()
    await service.wait_for("call.ended", since=before)
    assert tone_dbfs(await customer.heard(), AGENT_HZ, dead, alive) > -20, "the customer went deaf"


async def test_an_alert_whose_call_ended_while_the_service_was_dead_ends_at_once(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    lab.farm.phone("supervisor1").answer_after_s = None
    customer, _ = await talk(lab, call_voice(tmp_path / "angry.wav", ("neutral", 2), ("angry", 20)))
    call = await tapped(service)
    fired = await service.wait_for("alert.fired")
    await asyncio.sleep(1)
    await service.kill()
    await customer.hangup()
    before = len(await service.read())
    await service.start()
    resolved = await service.wait_for("alert.resolved", 5, since=before, call=call)
    assert (resolved["data"]["alert"], resolved["data"]["reason"]) == (fired["data"]["alert"], "call_ended")
    assert (await service.cli("alerts", "--json"))[1].strip() == "[]"


async def test_an_alert_stays_one_where_the_service_is_killed_while_the_agent_consults(
    lab: Lab, redis_url: str, tmp_path: Path
) -> None:
    """The call is found again only when the agent is back with the customer."""
    voice = call_voice(tmp_path / "angry.wav", ("neutral", 2), ("angry", 50))
    rules = LOUD_RULE.replace("keep_firing_for: 1s", "keep_firing_for: 60s")
    async with Service(lab, redis_url, tmp_path / "s", rules=rules) as service:
        customer = await lab.farm.phone("customer1").call(f"{FEATURES}201", voice)
        agent = await lab.farm.phone("agent1").answered()
        call = await tapped(service)
        fired = await service.wait_for("alert.fired")
        await agent.dtmf("*2202")
        colleague = await lab.farm.phone("agent2").answered()
        await service.kill()
        before = len(await service.read())
        await service.start()
        await asyncio.sleep(2)
        await colleague.hangup()
        assert await tapped(service, before) == call
        await asyncio.sleep(3)
        await service.read()
        assert service.of("alert.resolved") == []
        assert [event["data"]["alert"] for event in service.of("alert.fired")] == [fired["data"]["alert"]]
        await customer.hangup()
        await service.wait_for("alert.resolved", reason="call_ended", alert=fired["data"]["alert"])


async def test_a_phone_that_rang_when_the_service_was_killed_rings_again(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    phone = lab.farm.phone("supervisor1")
    phone.answer_after_s = None
    customer, _ = await talk(lab, call_voice(tmp_path / "angry.wav", ("neutral", 2), ("angry", 30)))
    await tapped(service)
    fired = await service.wait_for("alert.fired")
    first = await phone.rung()
    await asyncio.sleep(1)
    await service.kill()
    phone.answer_after_s = 0.2
    before = len(await service.read())
    await service.start()
    await asyncio.wait_for(first.ended.wait(), 10)
    failed = await service.wait_for("supervision.failed", since=before, reason="restart")
    assert failed["data"]["mode"] in (None, "whisper")  # None: Asterisk knows no mode of a phone that rings
    await service.wait_for("supervision.started", since=before, alert=fired["data"]["alert"])
    assert service.of("supervision.failed", reason="no_call") == []
    await customer.hangup()
    await service.wait_for("call.ended", since=before)


async def test_a_cool_down_outlives_a_killed_service_by_no_more_than_its_length(
    lab: Lab, redis_url: str, tmp_path: Path
) -> None:
    length_s = 12.0
    supervision = {"briefing": False, "cooldown_s": length_s}
    async with Service(lab, redis_url, tmp_path / "s", rules=LOUD_RULE, supervision=supervision) as service:
        customer, _ = await talk(lab, call_voice(tmp_path / "calm.wav", ("neutral", 40)))
        call = await tapped(service)
        assert (await service.command("takeover", call=call, supervisor="lead"))["ok"]
        await until_shown(lab, "paused:CallGuard cool-down")
        paused_at = time.monotonic()
        await service.kill()
        await customer.hangup()
        await service.start()
        await asyncio.sleep(1)
        assert "paused:CallGuard cool-down" in await console(lab, "queue show support"), "it was cut short"
        await until_shown(lab, "paused", shown=False, timeout_s=length_s)
        assert length_s - 2 < time.monotonic() - paused_at < length_s + 3


async def until_shown(lab: Lab, text: str, *, shown: bool = True, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while (text in await console(lab, "queue show support")) is not shown:
            await asyncio.sleep(0.1)


async def test_a_supervisor_is_not_left_alone_by_a_killed_service(
    lab: Lab, service: Service, voices: Voices, tmp_path: Path
) -> None:
    customer, agent = await talk(lab, call_voice(tmp_path / "calm.wav", ("neutral", 40)), voices.tone(AGENT_HZ))
    call = await tapped(service)
    answer = await service.command("whisper", call=call, supervisor="lead")
    assert answer["ok"], answer["reason"]
    supervisor = await lab.farm.phone("supervisor1").answered()
    await service.kill()
    before = len(await service.read())
    await service.start()
    await asyncio.wait_for(supervisor.ended.wait(), 10)
    await service.wait_for("supervision.ended", since=before, reason="restart")
    assert await tapped(service, before) == call
    async with asyncio.timeout(10):  # the queue named the agent before the restart, and does not say it again
        while "agent1" not in [event["data"].get("agent") for event in (await service.read())[before:]]:
            await asyncio.sleep(0.1)
    assert not customer.ended.is_set()
    assert not agent.ended.is_set()
    await customer.hangup()
    await service.wait_for("call.ended", since=before)


@pytest.mark.parametrize("mode", ["listen", "barge"])
async def test_a_supervisor_released_by_a_restart_is_told_with_the_mode_they_were_in(
    lab: Lab, service: Service, tmp_path: Path, mode: str
) -> None:
    customer, _ = await talk(lab, call_voice(tmp_path / "calm.wav", ("neutral", 40)))
    call = await tapped(service)
    assert (await service.command("whisper", call=call, supervisor="lead"))["ok"]
    assert (await service.command("set_mode", call=call, args={"mode": mode}))["ok"]
    await asyncio.sleep(1)
    await service.kill()
    before = len(await service.read())
    await service.start()
    ended = await service.wait_for("supervision.ended", since=before, reason="restart")
    assert ended["data"]["mode"] == mode
    lasted_s = ended["data"]["lasted_s"]
    # None: on a busy machine the lease ends before the service is back.
    assert lasted_s is None or 1.0 < lasted_s < 30.0
    await customer.hangup()
    await service.wait_for("call.ended", since=before)


async def test_no_alert_is_lost_while_redis_is_away(
    lab: Lab, stoppable_valkey: StoppableValkey, tmp_path: Path
) -> None:
    voice = call_voice(tmp_path / "turning.wav", ("neutral", 5), ("angry", 25))
    async with Service(lab, stoppable_valkey.url, tmp_path / "s", rules=LOUD_RULE) as service:
        customer, _ = await talk(lab, voice)
        await tapped(service)
        stoppable_valkey.stop()
        await asyncio.sleep(10)
        assert not customer.ended.is_set()
        stoppable_valkey.start()
        await service.wait_for("alert.fired", 15)
        await service.wait_for("supervision.started", 5)
        await service.wait_for("node.recovered", reason="redis")
        await customer.hangup()
        await service.wait_for("call.ended")
        assert len({event["id"] for event in service.events}) == len(service.events), "an event was doubled"


async def test_garbage_on_the_commands_stream_is_answered_and_stops_nothing(
    lab: Lab, service: Service, redis_url: str
) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        for text in ("{broken", "[]", '{"id":"g1","action":"dance"}', '{"id":"g2","action":"whisper"}', "x" * 100_000):
            await client.xadd("callguard:commands", {"command": text})
        await client.xadd("callguard:commands", {"nonsense": "1"})
    await service.wait_for("command.failed", command="g1")
    await service.wait_for("command.failed", command="g2")
    unknown = await service.command("whisper", call="1234.5", supervisor="lead")
    assert not unknown["ok"]
    assert "no_call" in unknown["reason"]
    await asyncio.sleep(0.3)
    await service.read()
    assert len(service.of("command.failed")) == 7


async def test_a_bad_configuration_is_refused_and_the_old_one_stays(service: Service) -> None:
    good = service.config.read_text()
    service.config.write_text(good + "\nunknown_section: 1\n")
    status, _ = await service.cli("check")
    assert status == 2
    await service.reload()
    await asyncio.sleep(0.5)
    assert "unknown_section" in service.tail()
    assert (await service.command("ack", supervisor="lead", args={"alert": "none"}))["ok"] is False
