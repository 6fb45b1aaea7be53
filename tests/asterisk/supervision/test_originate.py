"""A supervisor's phone is rung until it is picked up; how it went is said in the words of supervision."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import web

from callguard.asterisk.events import AriEvent, Channel, ChannelDestroyed, StasisStart
from callguard.asterisk.supervision import originate as module
from callguard.asterisk.supervision.originate import CAUSES, Dial, pick_up
from callguard.asterisk.supervision.session import Briefed, Ringing, Session, SupervisionError
from callguard.asterisk.upkeep.leases import PERSON_S, VARIABLE
from tests.asterisk.harness.fake_ari import FakeAri
from tests.asterisk.harness.stasis import stasis

CHANNEL = "callguard.supervisor.s"
DIAL = Dial("PJSIP/boss", "CallGuard <100>", 20.0, "c1 boss")


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


def session() -> Session:
    return Session("s", "c1", "boss", "PJSIP/boss", "whisper", None, None, CHANNEL, "agent")


def then(fake: FakeAri, happen: Callable[[], None]) -> None:
    """Have something happen once the phone was asked to ring."""

    def after(request: web.Request) -> None:
        if request.path == "/ari/channels":
            asyncio.get_running_loop().call_soon(happen)

    fake.after = after


def told(channel: str = CHANNEL, *, cause: int | None = None) -> AriEvent:
    boss = Channel(channel, "PJSIP/boss-1")
    return StasisStart(0.0, boss) if cause is None else ChannelDestroyed(0.0, boss, cause)


async def test_who_picks_up_is_briefed_and_under_a_lease() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        served, states = session(), []
        then(fake, lambda: watch.see(told()))
        await pick_up(ari, watch, reconciler.leases, served, DIAL, lambda: states.append(served.state))
        assert isinstance(states[0], Ringing)
        assert isinstance(served.state, Briefed)
        asked, lease = fake.requests
        assert asked[:2] == ("POST", "/channels")
        assert {key: asked[2][key] for key in ("endpoint", "callerId", "timeout", "channelId")} == {
            "endpoint": "PJSIP/boss", "callerId": "CallGuard <100>", "timeout": "20", "channelId": CHANNEL,
        }  # fmt: skip
        assert lease == ("POST", f"/channels/{CHANNEL}/variable", {"variable": VARIABLE, "value": f"{PERSON_S:g}"})


@pytest.mark.parametrize(("cause", "reason"), [*CAUSES.items(), (20, "unreachable"), (0, "unreachable")])
async def test_a_phone_that_does_not_answer_says_why(cause: int, reason: str) -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        then(fake, lambda: watch.see(told(cause=cause)))
        with pytest.raises(SupervisionError) as caught:
            await pick_up(ari, watch, reconciler.leases, session(), DIAL, lambda: None)
        assert caught.value.reason == reason
        assert len(fake.requests) == 1


@pytest.mark.parametrize("status", [400, 500])
async def test_a_phone_that_asterisk_can_not_ring_is_out_of_reach_and_never_rang(status: int) -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        fake.answer("POST", "/channels", {"message": "Allocation failed"}, status)
        rang: list[int] = []
        with pytest.raises(SupervisionError, match="unreachable"):
            await pick_up(ari, watch, reconciler.leases, session(), DIAL, lambda: rang.append(1))
        assert rang == []


async def test_when_asterisk_says_nothing_nobody_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MARGIN_S", 0.05)
    async with stasis() as (fake, ari, watch, reconciler):
        fake.after = lambda request: None
        short = Dial(DIAL.endpoint, DIAL.caller_id, 0.05, DIAL.note)
        with pytest.raises(SupervisionError, match="no_answer"):
            await asyncio.wait_for(pick_up(ari, watch, reconciler.leases, session(), short, lambda: None), 2)


async def test_what_other_channels_do_is_no_answer() -> None:
    async with stasis() as (fake, ari, watch, reconciler):
        then(fake, lambda: (watch.see(told("other")), watch.see(told(cause=17)))[0])
        with pytest.raises(SupervisionError, match="busy"):
            await pick_up(ari, watch, reconciler.leases, session(), DIAL, lambda: None)
