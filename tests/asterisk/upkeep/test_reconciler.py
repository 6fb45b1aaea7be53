"""What should exist is compared with what does, until both agree."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from callguard.asterisk.errors import AriError
from callguard.asterisk.events import Bridge, Channel, ChannelCreated, ChannelDestroyed
from callguard.asterisk.upkeep import reconciler as module
from callguard.asterisk.upkeep.holdings import Seated
from callguard.asterisk.upkeep.reconciler import SESSION_VARIABLE, Reconciler
from tests.asterisk.harness.fake_ari import FakeAri
from tests.asterisk.harness.stasis import removed, stasis

EAR, BOSS, ROOM = "callguard.ear.whisper.e1", "callguard.supervisor.s1", "callguard.room.s1"
IN_STASIS = {"app": "Stasis", "app_data": "callguard"}
CHANNELS = (Channel(BOSS, "PJSIP/boss-1", **IN_STASIS), Channel(EAR, "Snoop/1.2-1", **IN_STASIS))
BRIDGES = (Bridge(ROOM, (BOSS, EAR), 1800.5),)


@pytest.fixture
async def made(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[FakeAri, Reconciler]]:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    async with stasis() as (fake, _, _, reconciler):
        yield fake, reconciler


def deleted(fake: FakeAri) -> set[str]:
    return {call.rpartition("/")[2] for call in fake.calls() if call.startswith("DELETE")}


async def test_surplus_is_removed_and_what_is_held_stays(made: tuple[FakeAri, Reconciler]) -> None:
    fake, reconciler = made
    reconciler.hold(BOSS)
    reconciler.compare(CHANNELS, BRIDGES, time.monotonic())
    await removed(reconciler)
    assert deleted(fake) == {EAR, ROOM}


async def test_a_removal_that_failed_is_found_again_and_again(made: tuple[FakeAri, Reconciler]) -> None:
    fake, reconciler = made
    fake.stuck = {EAR}
    reconciler.hold(BOSS, ROOM)
    first = reconciler.compare(CHANNELS, BRIDGES, time.monotonic())
    assert [each.id for each in first] == [EAR]
    assert reconciler.compare(CHANNELS, BRIDGES, time.monotonic()) == [], "it is under way"
    reconciler.compare(CHANNELS[:1], BRIDGES, time.monotonic() + 1)
    assert first[0].proved, "the list does not hold it any more"


async def test_a_stray_goes_at_once_and_an_awaited_one_stays(made: tuple[FakeAri, Reconciler]) -> None:
    fake, reconciler = made
    reconciler.hold(BOSS)
    for channel in CHANNELS:
        reconciler.see(ChannelCreated(0.0, channel))
    await removed(reconciler)
    assert deleted(fake) == {EAR}


async def test_what_is_removed_is_renewed_no_more_and_neither_is_what_ended(made: tuple[FakeAri, Reconciler]) -> None:
    _, reconciler = made
    for channel in (EAR, BOSS):
        reconciler.hold(channel)
        await reconciler.leases.grant(channel)
    reconciler.remove(EAR)
    assert EAR not in reconciler.leases
    reconciler.see(ChannelDestroyed(0.0, CHANNELS[0], 16))
    assert BOSS not in reconciler.leases


async def test_what_asterisk_has_ended_already_is_gone_without_a_request(made: tuple[FakeAri, Reconciler]) -> None:
    fake, reconciler = made
    reconciler.hold(EAR, BOSS)
    for channel in CHANNELS:
        reconciler.see(ChannelDestroyed(0.0, channel, 16))
    assert EAR in reconciler
    assert reconciler.remove(EAR).proved
    assert EAR not in reconciler
    reconciler.let_go(BOSS)
    assert BOSS not in reconciler
    await asyncio.sleep(0.02)
    assert fake.requests == []
    assert not reconciler.remove(EAR).proved, "a second time it is asked for"


async def test_orphans_are_named_but_not_those_who_took_over_or_whom_we_hold(
    made: tuple[FakeAri, Reconciler],
) -> None:
    fake, reconciler = made
    fake.answer("GET", f"/channels/{BOSS}/variable", {"value": "1795.1 Mia Moss"})
    party = Channel("callguard.supervisor.s2", "PJSIP/boss-2", app="BridgeAdd")
    held = Channel("callguard.supervisor.s3", "PJSIP/boss-3", **IN_STASIS)
    reconciler.hold(held.id)
    found = await reconciler.orphans((*CHANNELS, party, held), BRIDGES)
    assert found == [Seated("s1", "1795.1", "Mia Moss", BOSS, "whisper", 1800.5)]
    assert [request[1:] for request in fake.requests] == [
        (f"/channels/{BOSS}/variable", {"variable": SESSION_VARIABLE})
    ]
    fake.answer("GET", f"/channels/{BOSS}/variable", {"message": "no"}, 500)
    with pytest.raises(AriError):
        await reconciler.orphans(CHANNELS, BRIDGES)


async def test_it_compares_every_few_seconds_also_after_asterisk_failed(
    made: tuple[FakeAri, Reconciler], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, reconciler = made
    seen: list[int] = []
    monkeypatch.setattr(module, "COMPARE_S", 0.05)
    monkeypatch.setattr(reconciler, "_on_seen", lambda channels, bridges, asked_at: seen.append(len(channels)))
    fake.answer("GET", "/channels", {"message": "no"}, 500)
    fake.answer("GET", "/bridges", [])
    task = asyncio.create_task(reconciler.run())
    await asyncio.sleep(0.2)
    assert seen == []
    shown = {"id": EAR, "name": "Snoop/1.2-1", "dialplan": {"app_name": "Stasis", "app_data": "callguard"}}
    fake.answer("GET", "/channels", [shown])
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(seen) > 2
    assert deleted(fake) == {EAR}


@pytest.mark.parametrize(("stuck", "overdue"), [(EAR, True), ("callguard.media.t1", False)])
async def test_it_says_when_somebody_who_must_not_hear_cant_be_cut_off(
    made: tuple[FakeAri, Reconciler], monkeypatch: pytest.MonkeyPatch, stuck: str, overdue: bool
) -> None:
    fake, reconciler = made
    said: list[bool] = []
    monkeypatch.setattr(module, "OVERDUE_S", 0.1)
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    monkeypatch.setattr(reconciler, "_on_overdue", said.append)
    fake.stuck = {stuck}
    reconciler.remove(stuck)
    task = asyncio.create_task(reconciler.run())
    await asyncio.sleep(0.2)
    assert said[0] is False
    assert said[-1] is overdue
    reconciler.see(ChannelDestroyed(0.0, Channel(stuck, "Snoop/1.2-1"), 16))
    await asyncio.sleep(0.05)
    assert said[-1] is False
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_close_waits_for_proof_but_not_for_ever(made: tuple[FakeAri, Reconciler]) -> None:
    fake, reconciler = made
    fake.stuck = {EAR}
    reconciler.remove(BOSS)
    reconciler.remove(EAR)
    began = time.monotonic()
    await reconciler.close(0.2)
    assert 0.15 < time.monotonic() - began < 1
    assert set(reconciler.under_way) == {EAR}
    asked = len(fake.requests)
    await asyncio.sleep(0.7)
    assert len(fake.requests) == asked, "nobody goes on after the close"


async def test_who_was_let_go_is_renewed_no_more_and_stays_only_as_a_party(made: tuple[FakeAri, Reconciler]) -> None:
    _, reconciler = made
    reconciler.hold(BOSS)
    await reconciler.leases.grant(BOSS)
    reconciler.let_go(BOSS)
    assert BOSS not in reconciler.leases
    call = (Bridge("call", (BOSS,)),)
    assert reconciler.compare(CHANNELS[:1], call, time.monotonic()) == []
    assert [each.id for each in reconciler.compare(CHANNELS[:1], (), time.monotonic())] == [BOSS]
