"""Taps through transfers, losses and opt-outs on a real Asterisk."""

import asyncio
from pathlib import Path

import pytest

from callguard.asterisk.supervision import agent_codes
from callguard.contracts.events import (
    AbuseEndedCall,
    AbuseWarned,
    AssistRequested,
    CallEnded,
    CallStarted,
    CallUpdated,
    TapLost,
    TapOpened,
    TapRestored,
)
from callguard.contracts.messages import CloseCall
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES, QUEUE
from callguard.testbed.lab.tones import tone_dbfs, tone_share
from tests.asterisk.harness.node import Node, config_for, node
from tests.asterisk.harness.talk import AGENT_HZ, CUSTOMER_HZ, OTHER_HZ, conversation, set_variable
from tests.integration.harness.tones import Voices


def open_roles(running: Node) -> dict[str, str]:
    """Role and UUID of each leg that is open and heard."""
    return {leg.opened.role: leg.opened.leg for leg in running.receiver.open_legs() if leg.pcm}


@pytest.mark.parametrize("tap", ["audiosocket", "external_media"])
async def test_a_blind_transfer_taps_the_new_agent_and_keeps_the_customers_tap(
    lab: Lab, voices: Voices, tmp_path: Path, tap: str
) -> None:
    async with node(config_for(lab, media={"tap": tap})) as running:
        lab.farm.phone("agent2").voice = voices.tone(OTHER_HZ)
        _, agent = await conversation(lab, voices)
        call = await running.tapped_call()
        before = open_roles(running)
        await agent.transfer("202")
        updated = await running.event(CallUpdated)
        assert (updated.call, updated.change, updated.agent) == (call.id, "transfer", "agent2")
        await running.until(lambda: len(open_roles(running)) == 2)
        await asyncio.sleep(0.7)
        after = open_roles(running)
        assert after["customer"] == before["customer"]
        assert after["agent"] != before["agent"]
        heard = running.receiver.heard(running.receiver.legs[after["agent"]], tmp_path / "agent.wav", 0.4)
        assert tone_share(heard, OTHER_HZ) > 0.9
        assert not running.of(TapLost)
        assert not running.of(CallEnded)


async def test_an_attended_transfer_is_not_judged_while_the_agents_consult(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        _, agent = await conversation(lab, voices, f"{FEATURES}201")
        call = await running.tapped_call()
        await agent.dtmf("*2202")
        await lab.farm.phone("agent2").answered()
        await running.until(lambda: not running.receiver.facts(call.id)[-1].together)
        await agent.hangup()
        updated = await running.until(lambda: [e for e in running.of(CallUpdated) if e.change == "transfer"])
        assert updated[0].agent == "agent2"
        await running.until(lambda: len(open_roles(running)) == 2)
        await running.until(lambda: running.receiver.facts(call.id)[-1].together)
        assert len(running.of(CallStarted)) == 1


async def test_a_lost_socket_is_tapped_again(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab, media={"tap": "audiosocket"})) as running:
        await conversation(lab, voices)
        await running.tapped_call()
        first = open_roles(running)
        for leg in first.values():
            running.receiver.cut(leg)
        await running.event(TapRestored, 2)
        second = open_roles(running)
        assert second.keys() == first.keys()
        assert not set(second.values()) & set(first.values())
        assert {event.reason for event in running.of(TapLost)} == {"eof"}


async def test_media_that_never_come_are_a_lost_tap_and_tried_again(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab, media={"tap": "audiosocket", "connect_timeout_s": 0.6})) as running:
        running.receiver.deaf = True
        await conversation(lab, voices)
        lost = await running.event(TapLost, 2)
        assert lost.reason == "dialplan", "the dialplan finds nobody at the port"
        running.receiver.deaf = False
        await running.event(TapRestored, 2)
        await running.tapped_call()
        assert len(running.of(TapLost)) == 2, "each leg is reported lost once"
        assert not running.of(TapOpened)


async def test_off_in_mid_call_stops_the_taps_and_deletes_the_call(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        customer, _ = await conversation(lab, voices)
        call = await running.tapped_call()
        await set_variable(lab, call.customer_channel, "CALLGUARD", "off")
        assert (await running.event(CallEnded)).reason == "opt_out"
        await running.until(lambda: not running.receiver.open_legs())
        assert (call.id, CloseCall(call.id)) in running.receiver.sent
        await asyncio.sleep(0.2)
        assert not customer.ended.is_set(), "the call itself goes on"
        await set_variable(lab, call.customer_channel, "CALLGUARD", "emotion")
        assert (await running.event(CallStarted, 2)).mode == "emotion"
        await running.tapped_call()


async def test_a_mode_of_off_is_seen_but_not_tapped(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab, analysis={"queues": {"support": {"mode": "off"}}})) as running:
        await conversation(lab, voices, QUEUE)
        started = await running.event(CallStarted)
        assert (started.mode, started.queue) == ("off", "support")
        await asyncio.sleep(0.3)
        assert not running.receiver.legs
        await set_variable(lab, started.customer_channel or "", "CALLGUARD", "on")
        await running.tapped_call()


async def test_amis_facts_of_a_queue_call_arrive(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        await running.until(lambda: running.app.ami.connected)
        await conversation(lab, voices, QUEUE)
        call = await running.tapped_call()
        await running.until(lambda: running.app.calls[call.id].wait_s is not None)
        assert running.app.calls[call.id].member == "agent1"


async def test_the_help_code_asks_for_assistance(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        customer, agent = await conversation(lab, voices, f"{FEATURES}201")
        call = await running.tapped_call()
        await customer.dtmf("*55")
        await agent.dtmf("*55")
        assist = await running.event(AssistRequested)
        assert (assist.call, assist.agent, assist.basis) == (call.id, "agent1", "agent")
        assert running.receiver.facts(call.id)[-1].agent_request == 1
        assert len(running.of(AssistRequested)) == 1, "the customer's keys are nobody's plea"


async def test_the_abuse_code_warns_and_then_ends_the_call(
    lab: Lab, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = f"sound:{voices.tone(2300, seconds=0.8).with_suffix('')}"
    monkeypatch.setattr(agent_codes, "WARNING", warning)
    async with node(config_for(lab, supervision={"abuse_ends_call": True})) as running:
        customer, agent = await conversation(lab, voices, f"{FEATURES}201")
        call = await running.tapped_call()
        begin = customer.elapsed
        await agent.dtmf("*56")
        assert (await running.event(AbuseWarned)).played
        end = customer.elapsed
        assert running.receiver.facts(call.id)[-1].agent_request == 2
        await agent.dtmf("*56")
        await running.event(AbuseEndedCall)
        await running.event(CallEnded)
        assert tone_dbfs(await customer.heard(), 2300, begin, end) > -40
        assert tone_dbfs(await agent.heard(), 2300) > -40


async def test_a_warning_that_could_not_be_played_ends_no_call(
    lab: Lab, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_codes, "WARNING", "sound:no/such/file")
    async with node(config_for(lab, supervision={"abuse_ends_call": True})) as running:
        _, agent = await conversation(lab, voices, f"{FEATURES}201")
        await running.tapped_call()
        for n in (1, 2):
            await agent.dtmf("*56")
            assert not (await running.event(AbuseWarned, n)).played
        assert running.app.calls
        assert not running.of(AbuseEndedCall)


async def test_tones_of_both_legs_stay_apart_under_a_hold(lab: Lab, voices: Voices, tmp_path: Path) -> None:
    """Hold music reaches the customer's ear, and neither leg's tap."""
    async with node(config_for(lab)) as running:
        _, agent = await conversation(lab, voices)
        call = await running.tapped_call()
        await agent.hold()
        await running.until(lambda: running.receiver.facts(call.id)[-1].on_hold)
        await asyncio.sleep(0.8)
        customer, _ = (running.receiver.of(role)[-1] for role in ("customer", "agent"))
        heard = running.receiver.heard(customer, tmp_path / "customer.wav", 0.5)
        assert tone_share(heard, CUSTOMER_HZ) > 0.9
        assert tone_dbfs(heard, AGENT_HZ) < -45
