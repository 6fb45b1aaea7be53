"""A CallGuard that is killed or stopped is out of every conversation within its lease, and a take-over stays.

Every phone speaks a tone of its own all the time, so that each recording tells who was heard, and when.
"""

import asyncio

import pytest

from callguard.asterisk.taps import tap
from callguard.asterisk.upkeep.leases import PERSON_S, Leases
from callguard.contracts.events import SupervisionEnded
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES
from tests.asterisk.harness.node import config_for, node
from tests.integration.harness.absent import SIGNALS, joined
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.parties import frames_with, gather
from tests.integration.harness.tones import Voices

LATEST_S = PERSON_S + 1.0
"""Asterisk ends a channel within a second of the end of its lease."""
PATH_S = 0.3
"""From a phone's mouth to another one's recording."""


@pytest.mark.parametrize("consults", [True, False], ids=["consultation", "no consultation"])
@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_absent_in_mid_whisper_callguard_is_out_within_the_lease_and_the_room_goes_at_the_next_start(
    lab: Lab, voices: Voices, how: str, consults: bool
) -> None:
    config = config_for(lab)
    async with joined(lab, voices, config, "whisper", f"{FEATURES}201") as (process, parties):
        await parties.listen_for(0.3)
        process.send_signal(SIGNALS[how])
        absent = {name: phone.elapsed for name, phone in parties.phones.items()}
        if consults:
            await parties.consult()
        await asyncio.wait_for(parties.phones["supervisor"].ended.wait(), LATEST_S)
        gone_s = parties.phones["agent"].elapsed - absent["agent"]
        await asyncio.sleep(max(0.0, LATEST_S - gone_s) + 0.5)
        assert not parties.phones["customer"].ended.is_set()
        assert not parties.phones["agent"].ended.is_set()
        assert [
            each for each in await leftovers(lab.pbx) if "callguard.ear" in each or "callguard.supervisor" in each
        ] == []
    async with node(config):
        await parties.hang_up("customer", "agent")
    assert PERSON_S / 3 < gone_s < LATEST_S
    heard = frames_with(await parties.phones["agent"].heard(), "supervisor")
    assert heard, "the whisper never reached the agent"
    assert max(heard) < absent["agent"] + gone_s + PATH_S
    assert frames_with(await parties.phones["customer"].heard(), "supervisor") == []
    if consults:
        assert frames_with(await parties.phones["colleague"].heard(), "supervisor") == []


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_who_took_over_stays_with_the_customer_whatever_becomes_of_callguard(
    lab: Lab, voices: Voices, how: str
) -> None:
    async with joined(lab, voices, config_for(lab), "takeover", "201") as (process, parties):
        process.send_signal(SIGNALS[how])
        await asyncio.sleep(LATEST_S + 0.5)
        stretch = await parties.listen_for()
        await parties.hang_up()
        assert await parties.heard("customer", {"customer": stretch["customer"]}) == {"supervisor"}
        assert await parties.heard("supervisor", {"supervisor": stretch["supervisor"]}) == {"customer"}


async def test_as_long_as_leases_are_renewed_a_whisper_goes_on(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        parties = await gather(lab, voices, running, "201")
        await parties.join("whisper")
        await asyncio.sleep(PERSON_S + 2.0)
        stretch = await parties.listen_for()
        await parties.hang_up()
        assert await parties.heard("agent", stretch) == {"customer", "supervisor"}
        assert await parties.heard("supervisor", stretch) == {"customer", "agent"}
        assert (await running.event(SupervisionEnded)).reason == "customer_left"


async def test_asterisk_ends_a_tap_by_external_media_that_is_not_renewed(
    lab: Lab, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tap, "MEDIA_S", 2.0)
    monkeypatch.setattr(Leases, "renew", lambda self: None)
    async with node(config_for(lab, media={"tap": "external_media", "stall_timeout_s": 1})) as running:
        parties = await gather(lab, voices, running, "201")
        before = {each for each in await leftovers(lab.pbx) if "callguard.media" in each}
        assert len(before) == 2
        await asyncio.sleep(3.5)
        assert not before & set(await leftovers(lab.pbx))
        await parties.hang_up()
