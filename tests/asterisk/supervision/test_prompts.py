"""Prompts: not too often, not to who doesn't want them, and not into music on hold."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from callguard.asterisk.supervision.announce import Announcer
from callguard.asterisk.supervision.prompts import Prompter, refusal
from callguard.asterisk.supervision.session import SupervisionError
from tests.asterisk.discovery.test_calls import call
from tests.asterisk.harness.stasis import removed, stasis

MIA, BEN = call(agent="agent", member="Mia"), call(agent="other agent", member="Ben")
HOLD = frozenset({"customer"})


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


async def test_a_prompt_is_whispered_through_a_snoop_that_hears_nothing_and_goes() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        assert await Prompter(Announcer(ari, watch, reconciler), 30).prompt(MIA, "slow-down")
        await removed(reconciler)
        snoop, lease, play, gone = fake.requests
        assert lease[2] == {"variable": "TIMEOUT(absolute)", "value": "6"}
        assert (snoop[2]["spy"], snoop[2]["whisper"]) == ("none", "out")
        assert play[2] == {"media": "sound:callguard/slow-down"}
        assert gone[0] == "DELETE"


async def test_a_second_prompt_within_the_interval_is_refused() -> None:
    async with stasis() as (_, ari, watch, reconciler):
        prompter = Prompter(Announcer(ari, watch, reconciler), 30)
        assert await prompter.prompt(MIA, "slow-down")
        with pytest.raises(SupervisionError, match="refused"):
            await prompter.prompt(MIA, "slow-down")
        assert await prompter.prompt(BEN, "slow-down")
        unlimited = Prompter(Announcer(ari, watch, reconciler), 0)
        assert await unlimited.prompt(MIA, "slow-down")
        assert await unlimited.prompt(MIA, "slow-down")


async def test_who_wants_no_prompts_gets_none_and_nobody_learns_of_it() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        prompter = Prompter(Announcer(ari, watch, reconciler), 0)
        assert not prompter.toggle("Mia")
        assert not await prompter.prompt(MIA, "slow-down")
        assert not fake.requests
        assert prompter.toggle("Mia")
        assert await prompter.prompt(MIA, "slow-down")


async def test_a_sound_that_fails_or_a_gone_agent_is_an_error_and_leaves_no_snoop() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        prompter = Prompter(Announcer(ari, watch, reconciler), 0)
        fake.playback_state = "failed"
        with pytest.raises(SupervisionError, match="asterisk"):
            await prompter.prompt(MIA, "no-such-sound")
        await removed(reconciler)
        assert fake.requests[-1][0] == "DELETE"
        fake.answer("POST", "/channels/agent/snoop", {"message": "gone"}, 404)
        with pytest.raises(SupervisionError, match="asterisk"):
            await prompter.prompt(MIA, "slow-down")


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, None),
        ({"agent": None}, "no_call"),
        ({"together": False}, "refused"),
        ({"together": False, "held_by": {"customer"}}, "refused"),
        ({"held_by": {"customer"}}, "hold"),
        ({"held_by": {"agent"}}, "hold"),
    ],
)
async def test_nothing_is_played_to_an_agent_who_would_not_hear_it(facts: dict[str, Any], why: str | None) -> None:
    assert refusal(call(**facts)) == why
    async with stasis() as (fake, ari, watch, reconciler):
        prompter = Prompter(Announcer(ari, watch, reconciler), 30)
        if why is None:
            assert await prompter.prompt(call(**facts), "slow-down")
            return
        with pytest.raises(SupervisionError, match=why):
            await prompter.prompt(call(**facts), "slow-down")
        assert fake.requests == []


async def test_a_prompt_that_a_hold_cuts_was_not_played_and_may_be_asked_for_again_at_once() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        happens = fake.after
        fake.after = lambda request: None if "/play/" in request.path else happens(request)
        prompter = Prompter(Announcer(ari, watch, reconciler), 30)
        asked = asyncio.create_task(prompter.prompt(MIA, "slow-down"))
        async with asyncio.timeout(2):
            while not any("/play/" in path for _, path, _ in fake.requests):
                await asyncio.sleep(0.005)
        prompter.follow(replace(BEN, held_by=HOLD))
        prompter.follow(MIA)
        await asyncio.sleep(0.02)
        assert not asked.done(), "another agent's hold, or another change, cuts nothing"
        prompter.follow(replace(MIA, held_by=HOLD))
        with pytest.raises(SupervisionError, match="hold"):
            await asyncio.wait_for(asked, 2)
        await removed(reconciler)
        assert fake.requests[-1][0] == "DELETE"
        fake.after = happens
        assert await prompter.prompt(MIA, "slow-down")
        prompter.follow(replace(MIA, held_by=HOLD))
