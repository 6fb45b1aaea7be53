"""Transfers while a supervisor is in the call: by code or by the phone, blind or after a second call of the phone.

Every phone speaks a tone of its own all the time, so that each recording tells who was heard, and when.
"""

import asyncio

import pytest

from callguard.asterisk.supervision import presence
from callguard.contracts.events import CallUpdated, SupervisionEnded, SupervisionModeChanged
from callguard.contracts.vocabulary import SupervisionMode
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES
from callguard.testbed.lab.phone import PhoneCall
from tests.asterisk.harness.node import Node, config_for, node
from tests.integration.harness.parties import HERTZ, WHO_HEARS_WHOM, Parties, Stretches, frames_with, gather
from tests.integration.harness.tones import Voices

modes = pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
ways = pytest.mark.parametrize("way", ["refer", "code"])


async def blind(parties: Parties, way: str) -> None:
    """The agent hands the customer over without a word to the colleague."""
    agent = parties.phones["agent"]
    await (agent.transfer("202") if way == "refer" else agent.dtmf("#1202"))


async def begin(lab: Lab, voices: Voices, running: Node, mode: SupervisionMode, way: str = "refer") -> Parties:
    parties = await gather(lab, voices, running, f"{FEATURES}201" if way == "code" else "201")
    await parties.join(mode)
    await asyncio.sleep(0.3)
    return parties


async def everybody_hears_as_before(parties: Parties, mode: SupervisionMode, together: Stretches) -> None:
    """As if the colleague had been the agent from the start."""
    moved = {"agent": "colleague"}
    for listener, heard in WHO_HEARS_WHOM[mode].items():
        expected = {moved.get(name, name) for name in heard}
        assert await parties.heard(moved.get(listener, listener), together) == expected, listener


def changes(running: Node) -> list[tuple[str | None, bool, str | None]]:
    return [(event.mode, event.suspended, event.reason) for event in running.of(SupervisionModeChanged)]


@ways
@modes
async def test_a_blind_transfer_takes_the_supervisor_along_to_the_new_agent(
    lab: Lab, voices: Voices, mode: SupervisionMode, way: str
) -> None:
    async with node(config_for(lab)) as running:
        parties = await begin(lab, voices, running, mode, way)
        old = parties.phones["agent"]
        lab.farm.phone("agent2").answer_after_s = 1.5
        await blind(parties, way)
        handed_over = old.elapsed
        ringing = await parties.listen_for(0.4)
        await parties.answered()
        await running.event(SupervisionModeChanged, 2)
        together = await parties.listen_for()
        assert {leg.opened.role for leg in running.receiver.open_legs() if leg.pcm} == {"customer", "agent"}
        assert (await running.event(CallUpdated, len(running.of(CallUpdated)))).agent == "agent2"
        await parties.hang_up()
        assert changes(running) == [(mode, True, "transfer"), (mode, False, "transfer")]
        assert (await running.event(SupervisionEnded)).reason == "customer_left"
        assert await parties.heard("supervisor", ringing) == set()
        await everybody_hears_as_before(parties, mode, together)
        assert [at for at in frames_with(await old.heard(), "supervisor") if at > handed_over] == []
        if mode == "whisper":
            assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []


@ways
async def test_while_a_transfer_finds_nobody_the_supervisor_waits_until_the_customer_hangs_up(
    lab: Lab, voices: Voices, way: str
) -> None:
    async with node(config_for(lab)) as running:
        parties = await begin(lab, voices, running, "whisper", way)
        lab.farm.phone("agent2").busy = True
        await blind(parties, way)
        await running.event(SupervisionModeChanged)
        busy = await parties.listen_for()
        await parties.hang_up()
        assert changes(running) == [("whisper", True, "transfer")]
        assert (await running.event(SupervisionEnded)).reason == "customer_left"
        assert await parties.heard("supervisor", busy) == set()
        assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []


async def test_a_supervisor_does_not_wait_for_ever_for_a_new_agent(
    lab: Lab, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "FOLLOW_S", 0.5)
    async with node(config_for(lab)) as running:
        parties = await begin(lab, voices, running, "barge")
        lab.farm.phone("agent2").answer_after_s = None
        await blind(parties, "refer")
        ended = await running.event(SupervisionEnded)
        assert (ended.reason, ended.mode) == ("transfer", "barge")
        await asyncio.wait_for(parties.phones["supervisor"].ended.wait(), 5)
        assert not parties.phones["customer"].ended.is_set(), "the colleague's phone still rings"
        await parties.hang_up()


async def second_call(parties: Parties) -> PhoneCall:
    """The agent's phone holds the customer and calls the colleague on another line."""
    agent = parties.phones["agent"]
    await agent.hush()
    await agent.hold()
    line = await agent.phone.call("202", parties.voices.tone(HERTZ["agent"]))
    await parties.answered()
    parties.phones["second line"] = line
    return line


@modes
async def test_a_transfer_by_the_phone_after_a_second_call_is_not_overheard_and_takes_the_supervisor_along(
    lab: Lab, voices: Voices, mode: SupervisionMode
) -> None:
    """Two calls of the agent's phone and a REFER with Replaces that joins their other sides."""
    async with node(config_for(lab, roles={"rules": [{"channel": "PJSIP/agent*", "role": "agent"}]})) as running:
        parties = await begin(lab, voices, running, mode)
        line = await second_call(parties)
        apart = await parties.listen_for()
        old = parties.phones["agent"]
        await old.transfer_to(line)
        handed_over = old.elapsed
        await running.until(lambda: changes(running)[-1:] == [(mode, False, "transfer")])
        together = await parties.listen_for()
        await parties.hang_up()
        # The agent may be seen to leave before the other sides are seen to meet: alone in between.
        assert changes(running)[:-1] in ([], [(mode, True, "consultation")])
        assert changes(running)[-1] == (mode, False, "transfer")
        assert (await running.event(SupervisionEnded)).reason == "customer_left"
        assert await parties.heard("supervisor", apart) == {"customer"}, "who waits may still be heard"
        assert await parties.heard("customer", apart) == set(), "hold music"
        assert await parties.heard("colleague", apart) == {"agent"}
        assert await parties.heard("second line", apart) == {"colleague"}
        await everybody_hears_as_before(parties, mode, together)
        assert [at for at in frames_with(await old.heard(), "supervisor") if at > handed_over] == []
        assert frames_with(await line.heard(), "supervisor") == []
        if mode == "whisper":
            assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []


async def test_after_a_second_call_the_agent_takes_the_customer_back(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab, roles={"rules": [{"channel": "PJSIP/agent*", "role": "agent"}]})) as running:
        parties = await begin(lab, voices, running, "whisper")
        line = await second_call(parties)
        apart = await parties.listen_for()
        await line.hangup()
        agent = parties.phones["agent"]
        await agent.unhold()
        await agent.say(voices.tone(HERTZ["agent"]))
        together = await parties.listen_for()
        await parties.hang_up()
        assert changes(running) == []
        assert await parties.heard("colleague", apart) == {"agent"}
        for listener, heard in WHO_HEARS_WHOM["whisper"].items():
            assert await parties.heard(listener, together) == heard, listener
        assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []
