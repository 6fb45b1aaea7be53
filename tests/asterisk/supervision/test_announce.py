"""A sound is played into a call to its end, by a channel that hears nothing itself and is gone afterwards."""

import asyncio

import pytest

from callguard.asterisk.errors import AriError
from callguard.asterisk.events import Channel, ChannelDestroyed
from callguard.asterisk.supervision import announce as module
from callguard.asterisk.supervision.announce import Announcer, Audience, Notices, media_uri
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


async def test_a_notice_is_played_to_its_end_or_until_it_is_hushed() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        notices = Notices(ari, Announcer(ari, watch, reconciler))
        await notices.say("boss", "wait-hold")
        await notices.hush("boss")
        played = fake.requests[0]
        assert (played[1].rpartition("/")[0], played[2]) == (
            "/channels/boss/play",
            {"media": "sound:callguard/wait-hold"},
        )
        assert len(fake.requests) == 1, "there was nothing to stop"
        fake.after = lambda request: None
        saying = asyncio.create_task(notices.say("boss", "wait-hold"))
        async with asyncio.timeout(2):
            while len(fake.requests) < 2:
                await asyncio.sleep(0.005)
        await notices.hush("boss")
        playback = fake.requests[1][1].rpartition("/")[2]
        assert fake.calls()[2:] == [f"DELETE /playbacks/{playback}"]
        saying.cancel()


async def test_a_notice_that_asterisk_refuses_disturbs_nothing() -> None:
    async with stasis() as (_, ari, watch, reconciler):
        notices = Notices(ari, Announcer(ari, watch, reconciler))

        async def refuse(channel: str, playback: str, media: str) -> None:
            raise AriError("500")

        ari.play = refuse  # type: ignore[method-assign]
        await notices.say("boss", "wait-hold")
