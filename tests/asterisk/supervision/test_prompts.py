"""Prompts: not too often, and not to who doesn't want them."""

import pytest

from callguard.asterisk.supervision.announce import Announcer
from callguard.asterisk.supervision.prompts import Prompter
from callguard.asterisk.supervision.session import SupervisionError
from tests.asterisk.harness.stasis import removed, stasis


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


async def test_a_prompt_is_whispered_through_a_snoop_that_hears_nothing_and_goes() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        assert await Prompter(Announcer(ari, watch, reconciler), 30).prompt("agent", "Mia", "slow-down")
        await removed(reconciler)
        snoop, lease, play, gone = fake.requests
        assert lease[2] == {"variable": "TIMEOUT(absolute)", "value": "6"}
        assert (snoop[2]["spy"], snoop[2]["whisper"]) == ("none", "out")
        assert play[2] == {"media": "sound:callguard/slow-down"}
        assert gone[0] == "DELETE"


async def test_a_second_prompt_within_the_interval_is_refused() -> None:
    async with stasis() as (_, ari, watch, reconciler):
        prompter = Prompter(Announcer(ari, watch, reconciler), 30)
        assert await prompter.prompt("agent", "Mia", "slow-down")
        with pytest.raises(SupervisionError, match="refused"):
            await prompter.prompt("agent", "Mia", "slow-down")
        assert await prompter.prompt("other agent", "Ben", "slow-down")
        unlimited = Prompter(Announcer(ari, watch, reconciler), 0)
        assert await unlimited.prompt("agent", "Mia", "slow-down")
        assert await unlimited.prompt("agent", "Mia", "slow-down")


async def test_who_wants_no_prompts_gets_none_and_nobody_learns_of_it() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        prompter = Prompter(Announcer(ari, watch, reconciler), 0)
        assert not prompter.toggle("Mia")
        assert not await prompter.prompt("agent", "Mia", "slow-down")
        assert not fake.requests
        assert prompter.toggle("Mia")
        assert await prompter.prompt("agent", "Mia", "slow-down")


async def test_a_sound_that_fails_or_a_gone_agent_is_an_error_and_leaves_no_snoop() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        prompter = Prompter(Announcer(ari, watch, reconciler), 0)
        fake.playback_state = "failed"
        with pytest.raises(SupervisionError, match="asterisk"):
            await prompter.prompt("agent", "Mia", "no-such-sound")
        await removed(reconciler)
        assert fake.requests[-1][0] == "DELETE"
        fake.answer("POST", "/channels/agent/snoop", {"message": "gone"}, 404)
        with pytest.raises(SupervisionError, match="asterisk"):
            await prompter.prompt("agent", "Mia", "slow-down")
