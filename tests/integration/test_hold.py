"""Hold while a supervisor is in the call: while the customer holds, the agent hears music and no supervisor.

Every phone speaks a tone of its own all the time, so that each recording tells who was heard, and when.
"""

import asyncio

import pytest

from callguard.asterisk.supervision import presence
from callguard.asterisk.supervision.session import SupervisionError
from callguard.contracts.events import (
    AbuseWarned,
    AssistRequested,
    CallUpdated,
    PromptPlayed,
    SupervisionEnded,
    SupervisionModeChanged,
)
from callguard.contracts.vocabulary import SupervisionMode
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES, LOCAL_KEPT, QUEUE
from tests.asterisk.harness.node import Node, config_for, node
from tests.integration.harness.parties import HERTZ, WHO_HEARS_WHOM, Parties, frames_with, gather
from tests.integration.harness.tones import Voices
from tests.support.grants import COMMAND

NOTICE_S = 0.6
"""Length of the notice in seconds, here a tone."""
PAD_S = 0.4
"""Seconds before a change in which nothing is judged: a busy machine records less than it plays."""


@pytest.fixture(autouse=True)
def _notice(monkeypatch: pytest.MonkeyPatch, voices: Voices) -> None:
    """The supervisor hears the colleague's tone instead of a sentence."""
    tone = voices.tone(HERTZ["colleague"], seconds=NOTICE_S)
    monkeypatch.setattr(presence, "HOLD", f"sound:{tone.with_suffix('')}")


def changes(running: Node) -> list[tuple[str | None, bool, str | None]]:
    return [(event.mode, event.suspended, event.reason) for event in running.of(SupervisionModeChanged)]


async def resumed(parties: Parties, mode: SupervisionMode, who: str = "customer") -> None:
    """A phone takes the call up again, and then everybody hears as before."""
    phone = parties.phones[who]
    await phone.unhold()
    await phone.say(parties.voices.tone(HERTZ[who]))
    await parties.running.until(lambda: changes(parties.running)[-1:] == [(mode, False, "together")])


@pytest.mark.parametrize(
    ("mode", "extension"), [("listen", QUEUE), ("whisper", "201"), ("barge", f"{FEATURES}201"), ("whisper", LOCAL_KEPT)]
)
async def test_while_the_customer_holds_the_supervisor_waits_and_is_told_why(
    lab: Lab, voices: Voices, mode: SupervisionMode, extension: str
) -> None:
    async with node(config_for(lab)) as running:
        parties = await gather(lab, voices, running, extension)
        await parties.join(mode)
        await parties.listen_for(0.1)
        customer, supervisor = parties.phones["customer"], parties.phones["supervisor"]
        await customer.hold()
        held = await running.event(CallUpdated)
        assert (held.change, held.on_hold, held.held_by) == ("hold", True, ["customer"])
        await running.event(SupervisionModeChanged)
        told = supervisor.elapsed
        await asyncio.sleep(NOTICE_S)
        apart = await parties.listen_for()
        await asyncio.sleep(PAD_S)
        await resumed(parties, mode)
        together = await parties.listen_for()
        await parties.hang_up()
        assert changes(running) == [(mode, True, "hold"), (mode, False, "together")]
        assert (await running.event(SupervisionEnded)).reason == "customer_left"
        for listener in ("agent", "supervisor"):
            assert await parties.heard(listener, apart) == set(), listener
        noticed = [at for at in frames_with(await supervisor.heard(), "colleague") if told - PAD_S < at]
        assert len(noticed) > 20, "the notice lasts for 0.6 s"
        for listener, heard in WHO_HEARS_WHOM[mode].items():
            assert await parties.heard(listener, together) == heard, listener
        if mode != "barge":
            assert frames_with(await customer.heard(), "supervisor") == []


async def test_on_hold_nothing_is_said_to_be_done_that_the_agent_does_not_hear(lab: Lab, voices: Voices) -> None:
    """Modes chosen, prompts, a take-over, the agent's codes, and a supervisor who joins meanwhile."""
    prompt = f"sound:{voices.tone(HERTZ['colleague'], seconds=3).with_suffix('')}"
    async with node(config_for(lab, supervision={"abuse_ends_call": True, "prompt_interval_s": 60})) as running:
        parties = await gather(lab, voices, running, f"{FEATURES}201")
        call, supervision = parties.call.id, running.app.supervision
        playing = asyncio.create_task(supervision.prompt(call, prompt))
        await running.until(lambda: supervision.prompter._cuts)
        await asyncio.sleep(0.5)
        await parties.phones["customer"].hold()
        with pytest.raises(SupervisionError, match="hold"):
            await asyncio.wait_for(playing, 1)
        await parties.join("listen")
        await running.event(SupervisionModeChanged)
        await supervision.set_mode(call, None, "whisper", COMMAND)
        for refused in (supervision.set_mode(call, None, "takeover", COMMAND), supervision.prompt(call, prompt)):
            with pytest.raises(SupervisionError, match="hold"):
                await refused
        await parties.phones["agent"].dtmf("*55")
        await parties.phones["agent"].dtmf("*56")
        assert not (await running.event(AbuseWarned)).played
        await running.event(AssistRequested)
        await asyncio.sleep(NOTICE_S)
        apart = await parties.listen_for()
        await asyncio.sleep(PAD_S)
        await resumed(parties, "whisper")
        together = await parties.listen_for()
        await supervision.prompt(call, prompt)
        await parties.hang_up()
        assert changes(running) == [("listen", True, "hold"), ("whisper", True, None), ("whisper", False, "together")]
        assert len(running.of(PromptPlayed)) == 1
        for listener in ("agent", "supervisor"):
            assert await parties.heard(listener, apart) == set(), listener
        for listener, heard in WHO_HEARS_WHOM["whisper"].items():
            assert await parties.heard(listener, together) == heard, listener
        assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []


async def test_as_the_agent_holds_the_supervisor_stays_and_as_both_hold_waits(lab: Lab, voices: Voices) -> None:
    """A phone that holds plays nothing, so that a prompt would be heard by nobody then either."""
    async with node(config_for(lab)) as running:
        parties = await gather(lab, voices, running, "201")
        await parties.join("whisper")
        agent, customer = parties.phones["agent"], parties.phones["customer"]
        await agent.hold()
        await running.event(CallUpdated)
        with pytest.raises(SupervisionError, match="hold"):
            await running.app.supervision.prompt(parties.call.id, "sound:beep")
        held = await parties.listen_for()
        assert changes(running) == []
        await customer.hold()
        await running.event(SupervisionModeChanged)
        assert (await running.event(CallUpdated, 2)).held_by == ["agent", "customer"]
        await resumed(parties, "whisper")
        assert (await running.event(CallUpdated, 3)).held_by == ["agent"]
        await agent.unhold()
        await agent.say(voices.tone(HERTZ["agent"]))
        await running.event(CallUpdated, 4)
        together = await parties.listen_for()
        await parties.hang_up()
        assert changes(running) == [("whisper", True, "hold"), ("whisper", False, "together")]
        assert await parties.heard("supervisor", held) == {"customer", "agent"}
        for listener, heard in WHO_HEARS_WHOM["whisper"].items():
            assert await parties.heard(listener, together) == heard, listener


async def test_who_is_handed_over_during_a_hold_gets_the_supervisor_as_it_ends(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        parties = await gather(lab, voices, running, "201")
        await parties.join("whisper")
        await parties.phones["customer"].hold()
        await running.event(SupervisionModeChanged)
        await parties.phones["agent"].transfer("202")
        await parties.answered()
        await running.until(lambda: [call.agent_channel for call in running.app.calls.values()] != [None])
        await asyncio.sleep(0.5)
        apart = await parties.listen_for()
        await asyncio.sleep(PAD_S)
        await parties.phones["customer"].unhold()
        await running.until(lambda: changes(running)[-1:] == [("whisper", False, "transfer")])
        together = await parties.listen_for()
        await parties.hang_up()
        assert (await running.event(SupervisionEnded)).reason == "customer_left"
        assert await parties.heard("supervisor", apart) == set()
        assert "supervisor" not in await parties.heard("colleague", apart)
        assert "supervisor" in await parties.heard("colleague", together)
        assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []


async def test_a_hold_that_began_before_callguard_did_is_known(lab: Lab, voices: Voices) -> None:
    """No list of channels tells it."""
    lab.farm.phone("agent1").voice = voices.tone(HERTZ["agent"])
    customer = await lab.farm.phone("customer1").call("201", voices.tone(HERTZ["customer"]))
    agent = await lab.farm.phone("agent1").answered()
    await customer.hold()
    await asyncio.sleep(0.2)
    async with node(config_for(lab)) as running:
        (call,) = (await running.until(lambda: running.app.calls)).values()
        await running.until(lambda: running.app.calls[call.id].held_by == {"customer"})
        parties = Parties(lab, voices, running, call, {"customer": customer, "agent": agent})
        await parties.join("whisper")
        await running.until(lambda: changes(running) == [("whisper", True, "hold")])
        await resumed(parties, "whisper")
        together = await parties.listen_for()
        await parties.hang_up()
        assert await parties.heard("agent", together) == {"customer", "supervisor"}
