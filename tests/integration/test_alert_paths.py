"""From a rule to everybody who must learn of it, in a running service: each path and each refusal."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import redis.asyncio
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from callguard.asterisk.devices import READ_S
from callguard.notify.signature import HEADER, is_valid
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from callguard.testbed.lab.phone import PhoneCall
from tests.asterisk.harness.talk import console, set_variable
from tests.integration.harness.scene import Scene, converse
from tests.integration.harness.service import Service, until
from tests.integration.harness.speech import call_voice

LEAD = {"name": "lead", "endpoint": "PJSIP/supervisor1"}
NOWHERE = {"name": "nobody", "endpoint": "PJSIP/nobody"}
DEPUTY = {"name": "deputy", "endpoint": "PJSIP/supervisor2"}
FAST = {"supervision": {"briefing": False, "ring_timeout_s": 1.5}, "alerts": {"escalate_after_s": 1.5}}


def loud(*actions: str, **more: Any) -> dict[str, Any]:
    """A rule on the level alone that goes on firing."""
    return {
        "alert": "Loud",
        "expr": "customer.level_dbfs > -20",
        "for": "300ms",
        "keep_firing_for": "60s",
        "labels": {"severity": "critical"},
        "annotations": {"summary": "loud"},
        "actions": list(actions),
    } | more


def rules(*several: dict[str, Any]) -> str:
    return yaml.safe_dump({"groups": [{"name": "test", "rules": list(several)}]})


def having(*several: dict[str, Any], **sections: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("service", [(rules(*several), sections)], indirect=True, ids=["service"])


@pytest_asyncio.fixture(loop_scope="session")
async def service(
    lab: Lab, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any
) -> AsyncIterator[Service]:
    """The service with (rules, sections)."""
    monkeypatch.setenv("NUMBER_KEY", "a key of the test's own")
    text, sections = request.param
    async with Service(lab, redis_url, tmp_path / "service", rules=text, **sections) as running:
        yield running


async def shouting(lab: Lab, service: Service, tmp_path: Path, extension: str = "201") -> Scene:
    """A call whose customer is loud after two seconds."""
    voice = call_voice(tmp_path / "turning.wav", ("neutral", 2), ("angry", 40))
    return await converse(lab, service, extension, customer=voice)


@having(loud("ring_whisper"), supervisors=[LEAD, DEPUTY])
async def test_all_are_rung_the_first_to_answer_owns_it_and_the_others_see_who(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    lab.farm.phone("supervisor1").answer_after_s = None
    lab.farm.phone("supervisor2").answer_after_s = 0.5
    scene = await shouting(lab, service, tmp_path)
    other = await lab.farm.phone("supervisor1").rung()
    fired = await service.wait_for("alert.fired")
    owned = await service.wait_for("alert.acknowledged", alert=fired["data"]["alert"])
    assert owned["data"]["by"] == "deputy"
    await asyncio.wait_for(other.ended.wait(), 5)
    await service.wait_for("supervision.failed", supervisor="lead", reason="answered_elsewhere")
    status, shown = await service.cli("alerts", "--json")
    assert status == 0
    assert [alert["by"] for alert in json.loads(shown)] == ["deputy"]
    await scene.hang_up()
    await service.wait_for("alert.resolved", reason="call_ended")


@having(loud("ring_whisper"), supervisors=[LEAD, DEPUTY | {"tier": 2}], **FAST)
async def test_nobody_answers_and_the_next_tier_is_rung(lab: Lab, service: Service, tmp_path: Path) -> None:
    lab.farm.phone("supervisor1").answer_after_s = None
    scene = await shouting(lab, service, tmp_path)
    first = await lab.farm.phone("supervisor1").rung()
    await service.wait_for("alert.escalated", tier=2)
    await service.wait_for("alert.acknowledged", by="deputy")
    await service.wait_for("supervision.started", supervisor="deputy")
    await asyncio.wait_for(first.ended.wait(), 5)
    await scene.hang_up()


@having(loud("ring_whisper"), supervisors=[LEAD, DEPUTY | {"tier": 2}])
async def test_a_busy_phone_passes_the_ring_on_at_once(lab: Lab, service: Service, tmp_path: Path) -> None:
    lab.farm.phone("supervisor1").busy = True
    scene = await shouting(lab, service, tmp_path)
    await service.wait_for("supervision.failed", supervisor="lead", reason="busy")
    escalated = await service.wait_for("alert.escalated", tier=2)
    fired = service.of("alert.fired")[0]
    assert _seconds(fired, escalated) < 2.0, "it waited for the deadline"
    await service.wait_for("supervision.started", supervisor="deputy")
    await scene.hang_up()


def _seconds(earlier: dict[str, Any], later: dict[str, Any]) -> float:
    return (datetime.fromisoformat(later["time"]) - datetime.fromisoformat(earlier["time"])).total_seconds()


async def _on_another_call(lab: Lab) -> PhoneCall:
    """The lead talks with somebody of whom we know nothing."""
    talking = await lab.farm.phone("supervisor1").call("102")
    await lab.farm.phone("customer2").answered()
    await asyncio.sleep(0.5)
    return talking


@having(loud("ring_whisper"), supervisors=[LEAD, DEPUTY | {"tier": 2}])
async def test_a_supervisor_on_another_call_is_not_rung_and_the_next_is_at_once(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    talking = await _on_another_call(lab)
    scene = await shouting(lab, service, tmp_path)
    fired = await service.wait_for("alert.fired")
    assert fired["data"]["passed_over"] == {"lead": "busy"}
    ringing = await service.wait_for("supervision.ringing", supervisor="deputy")
    assert _seconds(fired, ringing) < 1.0
    await service.wait_for("supervision.started", supervisor="deputy")
    assert service.of("supervision.requested", supervisor="lead") == []
    assert not talking.ended.is_set()
    await talking.hangup()
    await scene.hang_up()


@having(loud("ring_whisper"), supervisors=[LEAD, NOWHERE | {"tier": 2}])
async def test_while_all_are_busy_the_alert_says_so_and_whoever_hangs_up_first_is_rung(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    talking = await _on_another_call(lab)
    scene = await shouting(lab, service, tmp_path)
    fired = await service.wait_for("alert.fired")
    assert fired["data"]["passed_over"] == {"lead": "busy", "nobody": "unreachable"}
    await asyncio.sleep(1)
    await service.read()
    assert service.of("supervision.requested") == []
    status, shown = await service.cli("alerts", "--json")
    assert status == 0
    assert json.loads(shown)[0]["passed_over"] == fired["data"]["passed_over"]
    await talking.hangup()
    await service.wait_for("supervision.started", supervisor="lead", alert=fired["data"]["alert"])
    await service.wait_for("alert.acknowledged", by="lead")
    await scene.hang_up()


@having(loud("ring_whisper"), supervisors=[LEAD, DEPUTY | {"tier": 2}])
async def test_a_phone_that_is_unplugged_is_passed_over_until_it_is_back(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    async with unplugged(lab, "supervisor1"):
        await asyncio.sleep(READ_S + 1)
        first = await shouting(lab, service, tmp_path)
        fired = await service.wait_for("alert.fired")
        assert fired["data"]["passed_over"] == {"lead": "unreachable"}
        await service.wait_for("supervision.started", supervisor="deputy")
        await first.hang_up()
    await asyncio.sleep(READ_S + 1)
    since = len(await service.read())
    second = await shouting(lab, service, tmp_path)
    await service.wait_for("supervision.started", since=since, supervisor="lead")
    await second.hang_up()


@asynccontextmanager
async def unplugged(lab: Lab, phone: str) -> AsyncIterator[None]:
    """The PBX does not know where a phone is."""
    path = lab.pbx.folder / "etc" / "pjsip.conf"
    text = path.read_text()
    path.write_text("".join(line for line in text.splitlines(keepends=True) if f"contact = sip:{phone}@" not in line))
    try:
        await console(lab, "module reload res_pjsip.so")
        yield
    finally:
        path.write_text(text)
        await console(lab, "module reload res_pjsip.so")


@having(loud("ring_whisper"), supervisors=[LEAD])
async def test_a_silence_by_command_survives_a_crash_and_rings_nobody(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    answer = await service.command("silence", supervisor="lead", args={"why": "drill", "rule": "Loud"})
    assert answer["ok"], answer
    await asyncio.sleep(0.8)
    await service.kill()
    await service.start()
    scene = await shouting(lab, service, tmp_path)
    fired = await service.wait_for("alert.fired")
    assert fired["data"]["silenced_by"] == answer["result"]["silence"]
    await asyncio.sleep(1)
    await scene.hang_up()
    assert service.of("supervision.requested") == []
    assert lab.farm.phone("supervisor1").calls == []


@having(loud("ring_whisper"), supervisors=[LEAD], **FAST)
async def test_a_reload_keeps_the_alert_in_flight_and_takes_the_new_settings(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    lab.farm.phone("supervisor1").answer_after_s = None
    scene = await shouting(lab, service, tmp_path)
    fired = await service.wait_for("alert.fired")
    await service.wait_for("supervision.failed", supervisor="lead")
    settings = yaml.safe_load(service.config.read_text())
    settings["supervisors"].append(DEPUTY | {"tier": 2})
    settings["supervision"]["caller_id"] = "Other"
    settings["media"]["legs_per_worker"] = 32
    settings["analysis"] = {"mode": "off"}
    service.config.write_text(yaml.safe_dump(settings))
    await service.reload()
    await service.wait_for("alert.acknowledged", alert=fired["data"]["alert"], by="deputy")
    await service.wait_for("supervision.started", supervisor="deputy", alert=fired["data"]["alert"])
    await service.wait_for("call.updated", change="mode", mode="off")
    assert "reload_needs_restart" in service.tail()
    assert "media" in service.tail()
    await scene.hang_up()
    assert len(service.of("alert.fired")) == 1


class Hook:
    """A receiver that keeps what came."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((request.headers[HEADER], await request.read()))
        return web.Response(status=204)


@pytest_asyncio.fixture(loop_scope="session")
async def hook(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hook]:
    found = Hook()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    async with TestServer(app) as server:
        monkeypatch.setenv("HOOK_URL", str(server.make_url("/hook")))
        monkeypatch.setenv("HOOK_KEY", "hook-key")
        yield found


WEBHOOK = {"url": {"env": "HOOK_URL"}, "signing_key": {"env": "HOOK_KEY"}}


@pytest.mark.usefixtures("hook")
@having(
    loud("webhook:ops", "queue_log", "user_event", "cel"),
    loud("ring_whisper", "webhook:ops") | {"alert": "Trial", "shadow": True},
    supervisors=[LEAD],
    notify={"webhooks": {"ops": WEBHOOK}, "queue_log": True, "user_event": True, "cel": True},
)
async def test_every_receiver_is_told_and_a_rule_on_trial_tells_nobody(
    hook: Hook, lab: Lab, service: Service, tmp_path: Path
) -> None:
    scene = await shouting(lab, service, tmp_path, QUEUE)
    fired = await service.wait_for("alert.fired", rule="Loud")
    trial = await service.wait_for("alert.fired", rule="Trial")
    assert trial["data"]["shadow"] is True
    await until(lambda: hook.requests)
    signature, body = hook.requests[0]
    assert is_valid("hook-key", body, signature, int(time.time()))
    assert json.loads(body)["data"]["alert"] == fired["data"]["alert"]
    line = await until(lambda: next((line for line in _queue_log(lab) if fired["data"]["alert"] in line), None))
    assert line.split("|")[1:5] == [scene.id, "support", "agent1", "CALLGUARD"]
    assert fired["data"]["alert"] in await console(lab, "manager show eventq")
    mark = await until(lambda: next((line for line in _marks(lab) if fired["data"]["alert"] in line), None))
    facts = f"{scene.id}|fired|Loud|customer|critical|{fired['data']['alert']}"
    assert mark == f"{scene.id},CALLGUARD,{{extra:{facts}}}", "the mark must carry the call's own linkedid"
    await asyncio.sleep(1)
    await scene.hang_up()
    await until(lambda: len(hook.requests) == 2)
    await until(lambda: any("|resolved|" in line for line in _marks(lab)))
    assert {json.loads(body)["data"]["rule"] for _, body in hook.requests} == {"Loud"}
    assert service.of("supervision.requested") == []


@having(
    loud("notify"),
    notify={"webhooks": {"ops": WEBHOOK}, "queue_log": True, "user_event": True, "cel": True},
)
async def test_every_receiver_can_be_tried_by_command(hook: Hook, lab: Lab, service: Service) -> None:
    status, out = await service.cli("notify", "test", "--json")
    probed = {each["receiver"]: each["taken"] for each in json.loads(out)}
    assert (status, probed) == (0, dict.fromkeys(("webhook:ops", "queue_log", "user_event", "cel"), True))
    assert json.loads(hook.requests[0][1])["data"]["rule"] == "NotifyTest"
    await until(lambda: any("NotifyTest" in line for line in _queue_log(lab)))
    await until(lambda: any("|fired|NotifyTest|" in line for line in _marks(lab)))
    assert service.of("alert.fired") == [], "it is no alert of a call"


def _marks(lab: Lab) -> list[str]:
    path = lab.pbx.folder / "log" / "cel-custom" / "marks.csv"
    return [line.replace('"', "") for line in path.read_text().splitlines()] if path.exists() else []


def _queue_log(lab: Lab) -> list[str]:
    return (lab.pbx.folder / "log" / "queue_log").read_text().splitlines()


@pytest.mark.parametrize("how", ["command", "variable"])
@having(loud("ring_whisper"), supervisors=[LEAD])
async def test_an_opt_out_deletes_what_is_held_of_the_call(
    how: str, lab: Lab, service: Service, redis_url: str, tmp_path: Path
) -> None:
    scene = await shouting(lab, service, tmp_path)
    await service.wait_for("supervision.started")
    started = service.of("call.started")[0]
    if how == "command":
        assert (await scene.ask("opt_out"))["result"]["deleted_events"] > 5
    else:
        await set_variable(lab, started["data"]["customer_channel"], "CALLGUARD", "off")
    resolved = await service.wait_for("alert.resolved", reason="opt_out")
    assert (resolved["data"]["annotations"], resolved["data"]["score"]) == ({}, 0.0)
    await service.wait_for("supervision.ended", reason="stopped")
    await asyncio.wait_for(lab.farm.phone("supervisor1").calls[0].ended.wait(), 5)
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        kept = await _settled_types(client, scene.id)
        assert kept <= {"call.ended", "alert.resolved", "supervision.ended", "command.completed"}, kept
        for name in ("calls", "alerts", "signals"):
            assert not await client.hexists(f"callguard:{name}", scene.id)
        assert await client.hlen("callguard:alerts") == 0
        audit = json.dumps(await client.xrange("callguard:audit"))
        assert "supervision.started" in audit, "what people did stays proved"
        assert "Loud" not in audit
    assert not scene.customer.ended.is_set(), "the call itself goes on"
    await scene.customer.hangup()


async def _settled_types(client: redis.asyncio.Redis, call: str) -> set[str]:
    for _ in range(60):
        entries = await client.xrange("callguard:events")
        types = {fields["type"][13:-3] for _, fields in entries if fields["call"] == call}
        if "alert.fired" not in types:
            return types
        await asyncio.sleep(0.05)
    return types


@having(loud("ring_whisper"), supervisors=[LEAD], privacy={"number_hash_key": {"env": "NUMBER_KEY"}})
async def test_whoever_joins_gets_the_card_and_a_number_is_remembered_only_as_a_hash(
    lab: Lab, service: Service, redis_url: str, tmp_path: Path
) -> None:
    first = await shouting(lab, service, tmp_path, QUEUE)
    card = (await service.wait_for("supervision.started"))["data"]["card"]
    assert (card["queue"], card["agent"], card["earlier"]) == ("support", "agent1", None)
    assert [alert["rule"] for alert in card["rose"]] == ["Loud"]
    assert card["rose"][0]["because"][0].startswith("customer.level_dbfs > -20 (")
    await first.ask("prompt", args={"prompt": "slow-down"})
    await first.ask("stop")
    await first.ask("takeover", supervisor="lead")
    second = service.of("supervision.started")[-1]["data"]["card"]
    assert [step["what"] for step in second["tried"]] == ["joined", "prompt"]
    assert second["rose"][0]["owner"] == "lead"
    await first.hang_up()
    since = len(service.events)
    again = await shouting(lab, service, tmp_path)
    card = (await service.wait_for("supervision.started", since=since))["data"]["card"]
    assert {k: card["earlier"][k] for k in ("calls", "alerts", "takeovers")} == {
        "calls": 1,
        "alerts": 1,
        "takeovers": 1,
    }
    await again.hang_up()
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        keys = [key async for key in client.scan_iter("callguard:caller:*")]
        assert len(keys) == 1
        assert len(keys[0].rpartition(":")[2]) == 64
        assert await client.ttl(keys[0]) > 80 * 86400
        assert '"card"' not in json.dumps(await client.xrange("callguard:audit"))


@having(loud("ring_whisper"), supervisors=[LEAD], privacy={"number_hash_key": {"env": "NUMBER_KEY"}})
async def test_what_a_call_counted_before_a_crash_is_remembered_after_it(
    lab: Lab, service: Service, tmp_path: Path
) -> None:
    first = await shouting(lab, service, tmp_path)
    await service.wait_for("supervision.started")
    await asyncio.sleep(0.5)
    await service.kill()
    await first.customer.hangup()
    await service.start()
    since = len(await service.read())
    again = await shouting(lab, service, tmp_path)
    joined = await service.wait_for("supervision.started", since=since)
    earlier = joined["data"]["card"]["earlier"]
    assert (earlier["calls"], earlier["alerts"]) == (1, 1)
    await again.hang_up()
