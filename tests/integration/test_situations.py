"""Who is who, who hears whom and what is judged in the situations in which people really meet, on a real Asterisk.

Every phone speaks a tone of its own, so that taps and recordings tell whose voice is where. The same situations as
sequences of events, with more variants: tests/acceptance/test_who_is_who.py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from callguard.contracts.events import CallEnded, CallStarted, CallUpdated, SupervisionEnded
from callguard.testbed.lab import situations
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import LOCAL_KEPT, QUEUE, SALES
from callguard.testbed.lab.phone import PhoneCall
from callguard.testbed.lab.remote import Remote
from callguard.testbed.lab.tones import tone_dbfs
from tests.asterisk.harness.node import Node, config_for, node
from tests.asterisk.harness.talk import console
from tests.integration.harness.manager import act, originate, redirect, set_variable
from tests.integration.harness.parties import HEARD_DBFS, HERTZ, Parties, frames_with, gather
from tests.integration.harness.tones import Voices

QUIET_SALES: dict[str, Any] = {"analysis": {"queues": {"sales": {"mode": "off"}}}}


async def taps_carry(running: Node, folder: Path, **speakers: str) -> None:
    """Each open leg carries the tone of its speaker and no other."""
    legs = {leg.opened.role: leg for leg in running.receiver.open_legs()}
    await running.until(lambda: set(legs) == set(speakers))
    await asyncio.sleep(0.5)
    for role, speaker in speakers.items():
        heard = running.receiver.heard(running.receiver.of(role)[-1], folder / f"{role}.wav", 0.3)
        levels = {name: tone_dbfs(heard, hertz) for name, hertz in HERTZ.items()}
        assert {name for name, level in levels.items() if level > HEARD_DBFS} == {speaker}, (role, levels)


async def settled(running: Node) -> None:
    """Both legs are heard, and no Local channel is about to be taken out."""
    await asyncio.sleep(0.8)
    await running.tapped_call()


@asynccontextmanager
async def whispering(parties: Parties) -> AsyncIterator[PhoneCall]:
    """A supervisor whispers; at the end the customer hangs up and must have heard nothing of it."""
    yield await parties.join("whisper")
    await parties.hang_up()
    assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []


async def test_a_parked_customer_is_taken_back_by_a_colleague_and_the_supervisor_goes_along(
    lab: Lab, voices: Voices, tmp_path: Path
) -> None:
    """A program parks and no transfer is reported; then it moves the customer into a queue that is not judged."""
    async with node(config_for(lab, **QUIET_SALES)) as running:
        parties = await gather(lab, voices, running, QUEUE)
        async with whispering(parties):
            await asyncio.sleep(0.4)
            await act(lab, "Park", Channel=parties.call.customer_channel)
            await running.until(lambda: not running.app.calls[parties.call.id].together)
            parked = await parties.listen_for(0.4)
            colleague = lab.farm.phone("agent2")
            parties.phones["colleague"] = await colleague.call(situations.FIRST_PLACE, voices.tone(HERTZ["colleague"]))
            updated = await running.until(lambda: [e for e in running.of(CallUpdated) if e.change == "transfer"])
            assert (updated[0].agent, updated[0].queue) == ("agent2", "support")
            await settled(running)
            together = await parties.listen_for()
            await taps_carry(running, tmp_path, customer="customer", agent="colleague")
            await redirect(lab, parties.call.customer_channel, SALES)
            await running.until(lambda: running.app.calls[parties.call.id].queue == "sales")
            await running.until(lambda: not running.receiver.open_legs())
            assert running.app.calls[parties.call.id].mode == "off"
        assert len(running.of(CallStarted)) == 1
        assert await parties.heard("supervisor", parked) == set()
        assert await parties.heard("colleague", together) == {"customer", "supervisor"}
        assert await parties.heard("customer", together) == {"colleague"}


async def test_an_agent_consulted_through_a_queue_that_is_not_judged_takes_the_customer_there(
    lab: Lab, voices: Voices
) -> None:
    """The agent's phone holds, calls the queue on a second line and joins both (REFER with Replaces)."""
    async with node(config_for(lab, **QUIET_SALES)) as running:
        parties = await gather(lab, voices, running, QUEUE)
        agent = parties.phones["agent"]
        await agent.hold()
        line = await agent.phone.call(SALES, voices.tone(HERTZ["agent"]))
        await parties.answered()
        await asyncio.sleep(0.3)
        await agent.transfer_to(line)
        updated = await running.until(lambda: [e for e in running.of(CallUpdated) if e.change == "transfer"])
        assert (updated[0].queue, updated[0].agent, updated[0].mode) == ("sales", "agent2", "off")
        await running.until(lambda: not running.receiver.open_legs())
        await parties.phones["customer"].hangup()
        await running.event(CallEnded)
        assert len(running.of(CallStarted)) == 1


async def test_who_picks_up_a_ringing_queue_call_is_the_agent_for_taps_whispers_and_cool_downs(
    lab: Lab, voices: Voices, tmp_path: Path
) -> None:
    async with node(config_for(lab, supervision={"cooldown_s": 60})) as running:
        await running.until(lambda: running.app.ami.connected)
        lab.farm.phone("agent1").answer_after_s = None
        calling = asyncio.create_task(lab.farm.phone("customer1").call(QUEUE, voices.tone(HERTZ["customer"])))
        await lab.farm.phone("agent1").rung()
        agent = await lab.farm.phone("agent2").call(situations.PICK_UP_GROUP, voices.tone(HERTZ["agent"]))
        call = await running.tapped_call()
        parties = Parties(lab, voices, running, call, {"customer": await calling, "agent": agent})
        assert (call.member, call.interface, call.queue) == ("agent2", "PJSIP/agent2", "support")
        await taps_carry(running, tmp_path, customer="customer", agent="agent")
        await parties.join("takeover")
        await agent.heard()
        shown = await shows(lab, "queue show support", "paused")
        assert [line for line in shown.splitlines() if "paused" in line and "agent2" in line]
        assert not [line for line in shown.splitlines() if "paused" in line and "agent1" in line]
        stretches = await parties.listen_for()
        await parties.hang_up()
        assert await parties.heard("customer", stretches) == {"supervisor"}


async def shows(lab: Lab, command: str, word: str) -> str:
    for _ in range(40):
        if word in (shown := await console(lab, command)):
            break
        await asyncio.sleep(0.05)
    return shown


async def test_a_call_that_a_members_phone_forwards_is_the_colleagues(lab: Lab, voices: Voices, tmp_path: Path) -> None:
    async with node(config_for(lab)) as running:
        ringing = lab.farm.phone("agent1")
        ringing.answer_after_s = None
        lab.farm.phone("agent3").voice = voices.tone(HERTZ["agent"])
        calling = asyncio.create_task(lab.farm.phone("customer1").call(LOCAL_KEPT, voices.tone(HERTZ["customer"])))
        await (await ringing.rung()).forward("203")
        await lab.farm.phone("agent3").answered()
        customer = await calling
        await settled(running)
        (call,) = running.app.calls.values()
        assert (call.member, call.queue) == ("agent3", "local-kept")
        await taps_carry(running, tmp_path, customer="customer", agent="agent")
        channels = (await console(lab, "core show channels concise")).splitlines()
        (half,) = [line.split("!")[0] for line in channels if line.startswith("Local/agent1@") and ";2!" in line]
        await set_variable(lab, half, "CallGuard", "No")
        assert (await running.event(CallEnded)).reason == "opt_out"
        await running.until(lambda: not running.receiver.open_legs())
        await customer.hangup()


@pytest.mark.parametrize("extension", [situations.RING_GROUP, situations.FOLLOW_ME])
async def test_in_a_ring_group_and_behind_follow_me_the_phone_that_answered_is_the_agents(
    lab: Lab, voices: Voices, tmp_path: Path, extension: str
) -> None:
    async with node(config_for(lab)) as running:
        for name in ("agent2", "agent3"):
            lab.farm.phone(name).answer_after_s = None
        parties = await gather(lab, voices, running, extension)
        await settled(running)
        assert running.app.calls[parties.call.id].member == "agent1"
        await taps_carry(running, tmp_path, customer="customer", agent="agent")
        await parties.hang_up()


async def test_a_callback_of_a_queue_is_the_queues_call_and_its_opt_out_holds(
    lab: Lab, voices: Voices, tmp_path: Path
) -> None:
    """The customer is behind a Local half that runs Queue; Asterisk takes it out of the call."""
    async with node(config_for(lab, roles={})) as running:
        await running.until(lambda: running.app.ami.connected)
        customer = lab.farm.phone("customer1")
        customer.voice = voices.tone(HERTZ["customer"])
        lab.farm.phone("agent1").voice = voices.tone(HERTZ["agent"])
        await originate(lab, "Local/101@phones", QUEUE)
        phones = {"customer": await customer.answered(), "agent": await lab.farm.phone("agent1").answered()}
        await settled(running)
        (call,) = running.app.calls.values()
        assert (call.queue, call.member) == ("support", "agent1")
        assert call.customer_channel.startswith("PJSIP/customer1-")
        parties = Parties(lab, voices, running, call, phones)
        async with whispering(parties):
            stretches = await parties.listen_for()
            await taps_carry(running, tmp_path, customer="customer", agent="agent")
        assert await parties.heard("agent", stretches) == {"customer", "supervisor"}
        await originate(lab, "Local/101@phones/n", QUEUE, __CALLGUARD="NO")
        again = await customer.answered()
        await lab.farm.phone("agent1").answered()
        await running.until(lambda: running.app.opted_out == 1)
        assert len(running.of(CallStarted)) == 1
        await again.hangup()


async def test_agents_who_stay_on_the_line_serve_one_customer_after_the_other(
    lab: Lab, voices: Voices, tmp_path: Path
) -> None:
    """An agent pool's agent; meanwhile agent and coach of a dialler, who wait for the customer in a conference."""
    async with node(config_for(lab)) as running:
        tones = {name: voices.tone(hertz) for name, hertz in HERTZ.items()}
        pooled = await lab.farm.phone("agent1").call(situations.LOG_IN, tones["agent"])
        agent = await lab.farm.phone("agent2").call(situations.CONFERENCE, tones["agent"])
        coach = await lab.farm.phone("agent3").call(situations.CONFERENCE, tones["colleague"])
        customer = await lab.farm.phone("customer1").call(situations.CONFERENCE, tones["customer"])
        call = await running.tapped_call()
        phones = {"customer": customer, "agent": agent, "colleague": coach}
        parties = Parties(lab, voices, running, call, dict(phones))
        await taps_carry(running, tmp_path, customer="customer", agent="agent")
        await parties.join("whisper")
        stretches = await parties.listen_for()
        await customer.hangup()
        await running.event(SupervisionEnded)
        for phone in (agent, coach):
            await phone.hangup()
        assert frames_with(await customer.heard(), "supervisor") == []
        assert frames_with(await coach.heard(), "supervisor") == []
        assert await parties.heard("agent", stretches) == {"customer", "colleague", "supervisor"}
        for number, extension in enumerate((situations.POOL, situations.POOL_DIRECT), 2):
            customer = await lab.farm.phone("customer2").call(extension, tones["customer"])
            started = await running.event(CallStarted, number, 10)
            assert started.queue == ("pool" if extension == situations.POOL else None)
            await settled(running)
            await taps_carry(running, tmp_path, customer="customer", agent="agent")
            await customer.hangup()
            await running.event(CallEnded, number)
        assert len({event.call for event in running.of(CallStarted)}) == 3
        assert not pooled.ended.is_set()
        await pooled.hangup()


async def test_a_third_party_never_hears_a_whisper_when_the_agent_leaves_them_alone_with_the_customer(
    lab: Lab, voices: Voices
) -> None:
    async with node(config_for(lab)) as running:
        parties = await gather(lab, voices, running, QUEUE)
        await redirect(lab, parties.call.customer_channel, situations.CONFERENCE, parties.call.agent_channel or "")
        await asyncio.sleep(0.5)
        await running.tapped_call()
        tone = voices.tone(HERTZ["colleague"])
        parties.phones["third"] = await lab.farm.phone("customer2").call(situations.CONFERENCE, tone)
        await parties.join("whisper")
        together = await parties.listen_for()
        await parties.phones["agent"].hangup()
        assert (await running.event(SupervisionEnded)).reason == "agent_left"
        assert (await running.event(CallStarted, 2)).unknown
        await parties.listen_for(0.4)
        assert not running.receiver.open_legs()
        for name in ("third", "customer"):
            await parties.phones[name].hangup()
            assert frames_with(await parties.phones[name].heard(), "supervisor") == [], name
        assert await parties.heard("agent", together) == {"customer", "colleague", "supervisor"}


async def test_who_waits_in_a_bridge_that_mixes_nothing_meets_nobody_and_another_programs_bridge_is_a_call(
    lab: Lab, voices: Voices, tmp_path: Path
) -> None:
    entered: asyncio.Queue[str] = asyncio.Queue()
    other = Remote(lab.pbx, lambda event: took(event, entered))
    await other.open()
    try:
        async with node(config_for(lab)) as running:
            for name in ("customer", "agent"):
                phone = lab.farm.phone(f"{name}1")
                phone.voice = voices.tone(HERTZ[name])
                await phone.call(situations.WAITING_ROOM, phone.voice)
            await asyncio.sleep(0.3)
            assert not running.events
            await other.ask("POST", "bridges/foreign", type="mixing")
            for name in ("customer2", "agent2"):
                lab.farm.phone(name).voice = voices.tone(HERTZ[name[:-1]])
                await other.ask("POST", "channels", endpoint=f"PJSIP/{name}", app=Remote.APP)
                await other.ask("POST", "bridges/foreign/addChannel", channel=await entered.get())
            call = await running.tapped_call()
            phones = {name: lab.farm.phone(f"{name}2").calls[0] for name in ("customer", "agent")}
            parties = Parties(lab, voices, running, call, phones)
            async with whispering(parties):
                stretches = await parties.listen_for()
                await taps_carry(running, tmp_path, customer="customer", agent="agent")
            assert await parties.heard("agent", stretches) == {"customer", "supervisor"}
    finally:
        await lab.farm.hang_up_all()
        await other.ask("DELETE", "bridges/foreign")
        await other.close()


def took(event: dict[str, Any], entered: "asyncio.Queue[str]") -> None:
    if event["type"] == "StasisStart":
        entered.put_nowait(event["channel"]["id"])
