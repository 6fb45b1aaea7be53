"""A sound is played into a call to its end, by a channel that hears nothing itself and is gone afterwards."""

import asyncio

import pytest

from callguard.asterisk.errors import AriError
from callguard.asterisk.events import Channel, ChannelDestroyed
from callguard.asterisk.supervision import announce as module
from callguard.asterisk.supervision.announce import Announcer, Audience, media_uri
from tests.asterisk.harness.stasis import removed, stasis


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


@pytest.mark.parametrize(("audience", "whisper"), [("agent", "out"), ("both", "both")])
async def test_it_is_heard_by_whom_it_is_for_and_hears_nobody(audience: Audience, whisper: str) -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        assert await Announcer(ari, watch, reconciler).announce("agent", "slow-down", audience)
        await removed(reconciler)
        snoop = fake.requests[0]
        voice = snoop[2]["snoopId"]
        assert snoop[:2] == ("POST", "/channels/agent/snoop")
        assert (snoop[2]["spy"], snoop[2]["whisper"]) == ("none", whisper)
        assert fake.calls()[-1] == f"DELETE /channels/{voice}"
        assert ("POST", f"/channels/{voice}/variable") in [request[:2] for request in fake.requests], "no lease"


@pytest.mark.parametrize("state", ["failed", "cancelled"])
async def test_what_was_not_played_to_its_end_was_not_played(state: str) -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        fake.playback_state = state
        assert not await Announcer(ari, watch, reconciler).announce("agent", "slow-down", "agent")


async def test_a_voice_that_goes_while_it_plays_played_nothing() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        happens = fake.after

        def cut(request):  # type: ignore[no-untyped-def]
            parts = request.path.split("/")
            if parts[-2] == "play":
                watch.see(ChannelDestroyed(0.0, Channel(parts[3], "Snoop/x"), 16))
            else:
                happens(request)

        fake.after = cut
        assert not await asyncio.wait_for(Announcer(ari, watch, reconciler).announce("agent", "x", "agent"), 2)


async def test_a_sound_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.05)
    async with stasis() as (fake, ari, watch, reconciler):
        fake.after = lambda request: None
        assert not await Announcer(ari, watch, reconciler).play("voice", "sound:x", "p")


async def test_whatever_fails_the_voice_is_removed() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        fake.answer("POST", "/channels/agent/snoop", {"message": "Allocation failed"}, 500)
        with pytest.raises(AriError):
            await Announcer(ari, watch, reconciler).announce("agent", "slow-down", "agent")
        await removed(reconciler)
        assert fake.calls()[-1].startswith("DELETE /channels/callguard.voice.")


async def test_several_media_are_played_as_they_are_named() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        assert await Announcer(ari, watch, reconciler).play("voice", "sound:a,digits:12", "mine")
        assert fake.requests == [("POST", "/channels/voice/play/mine", {"media": "sound:a,digits:12"})]


@pytest.mark.parametrize(
    ("prompt", "uri"), [("calm", "sound:callguard/calm"), ("sound:/x/y", "sound:/x/y"), ("tone:beep", "tone:beep")]
)
def test_a_prompt_is_a_sound_of_ours_or_a_media_uri(prompt: str, uri: str) -> None:
    assert media_uri(prompt) == uri
