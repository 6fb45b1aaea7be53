"""While an agent consults a colleague by feature code, a supervisor who has joined hears nobody and is heard by nobody.

Every phone speaks a tone of its own all the time, so that each recording tells who was heard, and when.
"""

import asyncio

import pytest

from callguard.asterisk.supervision import agent_codes
from callguard.asterisk.supervision.session import SupervisionError
from callguard.contracts.events import AbuseWarned, CallEnded, SupervisionEnded, SupervisionModeChanged
from callguard.contracts.vocabulary import SupervisionMode
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES
from tests.asterisk.harness.node import Node, config_for, node
from tests.integration.harness.parties import HERTZ, WHO_HEARS_WHOM, Parties, Stretches, frames_with, gather
from tests.integration.harness.tones import Voices
from tests.support.grants import COMMAND

EXTENSION = f"{FEATURES}201"
modes = pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])


async def consulting(lab: Lab, voices: Voices, running: Node, mode: SupervisionMode) -> tuple[Parties, Stretches]:
    """A supervisor has joined, then the agent consults; the stretch lies in the consultation."""
    parties = await gather(lab, voices, running, EXTENSION)
    await parties.join(mode)
    await parties.consult()
    return parties, await parties.listen_for()


async def nobody_was_overheard(parties: Parties, apart: Stretches) -> None:
    """The two who consult hear each other alone; supervisor and customer hear none of them."""
    assert await parties.heard("supervisor", apart) == set()
    assert await parties.heard("customer", apart) == set()
    assert await parties.heard("agent", apart) == {"colleague"}
    assert await parties.heard("colleague", apart) == {"agent"}


def changes(running: Node) -> list[tuple[str | None, bool, str | None]]:
    return [(event.mode, event.suspended, event.reason) for event in running.of(SupervisionModeChanged)]


@modes
async def test_a_completed_consultation_is_not_overheard_and_the_supervisor_follows_to_the_new_agent(
    lab: Lab, voices: Voices, mode: SupervisionMode
) -> None:
    async with node(config_for(lab)) as running:
        parties, apart = await consulting(lab, voices, running, mode)
        left_at = parties.phones["agent"].elapsed
        await parties.phones["agent"].hangup()
        await running.event(SupervisionModeChanged, 2)
        await asyncio.sleep(1.0)  # meanwhile Asterisk takes the Local channel out of the call
        together = await parties.listen_for()
        await parties.hang_up()
        assert changes(running) == [(mode, True, "consultation"), (mode, False, "transfer")]
        assert (await running.event(SupervisionEnded)).reason == "customer_left"
        await nobody_was_overheard(parties, apart)
        hears = WHO_HEARS_WHOM[mode]
        moved = {"agent": "colleague"}
        for old in ("customer", "agent", "supervisor"):
            expected = {moved.get(name, name) for name in hears[old]}
            assert await parties.heard(moved.get(old, old), together) == expected, old
        if mode == "whisper":
            assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []
        assert not [at for at in frames_with(await parties.phones["agent"].heard(), "supervisor") if at > left_at]


@modes
async def test_after_an_abandoned_consultation_the_same_mode_goes_on(
    lab: Lab, voices: Voices, mode: SupervisionMode
) -> None:
    async with node(config_for(lab)) as running:
        parties, apart = await consulting(lab, voices, running, mode)
        await parties.phones["colleague"].hangup()
        await running.event(SupervisionModeChanged, 2)
        together = await parties.listen_for()
        await parties.hang_up()
        assert changes(running) == [(mode, True, "consultation"), (mode, False, "together")]
        assert (await running.event(SupervisionEnded)).reason == "customer_left"
        await nobody_was_overheard(parties, apart)
        for listener, heard in WHO_HEARS_WHOM[mode].items():
            assert await parties.heard(listener, together) == heard, listener
        if mode == "whisper":
            assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []
        assert frames_with(await parties.phones["colleague"].heard(), "supervisor") == []


@modes
@pytest.mark.parametrize("who", ["customer", "supervisor"])
async def test_whoever_hangs_up_during_a_consultation_nobody_is_left_in_a_room(
    lab: Lab, voices: Voices, mode: SupervisionMode, who: str
) -> None:
    async with node(config_for(lab)) as running:
        parties, apart = await consulting(lab, voices, running, mode)
        await parties.phones[who].hangup()
        assert (await running.event(SupervisionEnded)).reason == f"{who}_left"
        await asyncio.wait_for(parties.phones["supervisor"].ended.wait(), 5)
        if who == "supervisor":
            assert running.app.calls, "the call goes on"
            await parties.phones["customer"].hangup()
        await running.event(CallEnded)
        assert not parties.phones["colleague"].ended.is_set(), "the two who consult talk on"
        await parties.hang_up("agent")
        await nobody_was_overheard(parties, apart)


async def test_who_joins_during_a_consultation_waits_and_a_mode_chosen_meanwhile_counts_afterwards(
    lab: Lab, voices: Voices
) -> None:
    async with node(config_for(lab)) as running:
        parties = await gather(lab, voices, running, EXTENSION)
        await parties.consult()
        await parties.join("listen")
        supervision = running.app.supervision
        await running.event(SupervisionModeChanged)
        await supervision.set_mode(parties.call.id, None, "whisper", COMMAND)
        apart = await parties.listen_for()
        with pytest.raises(SupervisionError, match="refused"):
            await supervision.set_mode(parties.call.id, None, "takeover", COMMAND)
        with pytest.raises(SupervisionError, match="refused"):
            await supervision.prompt(parties.call.id, "sound:beep")
        await parties.phones["colleague"].hangup()
        await running.event(SupervisionModeChanged, 3)
        together = await parties.listen_for()
        await parties.hang_up()
        assert changes(running) == [
            ("listen", True, "consultation"),
            ("whisper", True, None),
            ("whisper", False, "together"),
        ]
        await nobody_was_overheard(parties, apart)
        for listener, heard in WHO_HEARS_WHOM["whisper"].items():
            assert await parties.heard(listener, together) == heard, listener


async def test_a_warning_about_abuse_is_cut_off_by_a_consultation_and_not_played_to_hold_music(
    lab: Lab, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer has not heard it to its end, so that it must not count."""
    warning = voices.tone(HERTZ["supervisor"], seconds=8)
    monkeypatch.setattr(agent_codes, "WARNING", f"sound:{warning.with_suffix('')}")
    async with node(config_for(lab, supervision={"abuse_ends_call": True})) as running:
        parties = await gather(lab, voices, running, EXTENSION)
        agent, customer = parties.phones["agent"], parties.phones["customer"]
        await agent.dtmf("*56")
        await running.until(lambda: running.receiver.facts(parties.call.id)[-1].agent_request == 2)
        await asyncio.sleep(0.5)
        await parties.consult()
        assert not (await running.event(AbuseWarned)).played
        await parties.listen_for()
        await parties.phones["colleague"].hangup()
        await running.until(lambda: running.receiver.facts(parties.call.id)[-1].together)
        await agent.hold()
        await running.until(lambda: running.receiver.facts(parties.call.id)[-1].on_hold)
        await agent.dtmf("*56")
        assert not (await running.event(AbuseWarned, 2)).played
        await parties.hang_up()
        assert frames_with(await parties.phones["colleague"].heard(), "supervisor") == []
        assert frames_with(await customer.heard(), "supervisor")


async def test_an_agent_who_swaps_between_both_takes_the_supervisor_along_only_to_the_customer(
    lab: Lab, voices: Voices
) -> None:
    """*4 swaps, *3 brings all three together: a supervisor who listens then hears all three."""
    async with node(config_for(lab)) as running:
        parties, apart = await consulting(lab, voices, running, "listen")
        agent = parties.phones["agent"]
        await agent.dtmf("*4")
        await running.event(SupervisionModeChanged, 2)
        swapped = await parties.listen_for()
        await agent.dtmf("*4")
        await running.event(SupervisionModeChanged, 3)
        again = await parties.listen_for()
        await agent.dtmf("*3")
        await asyncio.sleep(1.5)  # meanwhile Asterisk takes the Local channel out of the call
        three = await parties.listen_for()
        await parties.hang_up("customer", "agent")
        await nobody_was_overheard(parties, apart)
        await nobody_was_overheard(parties, again)
        assert await parties.heard("supervisor", swapped) == {"customer", "agent"}
        assert await parties.heard("colleague", swapped) == set()
        assert await parties.heard("supervisor", three) == {"customer", "agent", "colleague"}
        assert await parties.heard("customer", three) == {"agent", "colleague"}
        assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []
