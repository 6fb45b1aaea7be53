"""The order in which a supervisor's room changes makes a leak impossible."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError, UnreachableError
from callguard.asterisk.supervision import room as module
from callguard.asterisk.supervision.room import CutError, LeaseError, Room
from callguard.asterisk.upkeep.reconciler import Reconciler
from callguard.asterisk.waiter import Waiter
from tests.asterisk.harness.fake_ari import FakeAri
from tests.asterisk.harness.stasis import stasis


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    monkeypatch.setattr(module, "GONE_S", 0.2)
    monkeypatch.setattr(module, "ENTER_S", 0.2)


@pytest.fixture
async def made() -> AsyncIterator[tuple[FakeAri, Room]]:
    async with stasis() as (fake, ari, watch, reconciler):
        room = make_room(ari, watch, reconciler)
        await reconciler.leases.grant("boss")
        await room.open()
        await room.tune("barge", "agent")
        yield fake, room


async def cut(room: Room) -> None:
    """Cut, and wait for the proof."""
    removal = room.cut()
    assert removal is None or await removal.within(1)


def leases(fake: FakeAri, channel: str) -> list[str]:
    return [
        query["value"]
        for _, path, query in fake.requests
        if path == f"/channels/{channel}/variable" and query["variable"].startswith("TIMEOUT")
    ]


def make_room(ari: AriClient, watch: Waiter, reconciler: Reconciler) -> Room:
    return Room(ari, watch, reconciler, session="s", supervisor="boss")


def added(fake: FakeAri) -> list[str]:
    return [query["channel"] for _, path, query in fake.requests if path.endswith("/addChannel")]


async def test_the_new_snoop_enters_only_when_the_old_one_is_gone(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    old = added(fake)[-1]
    before = len(fake.requests)
    await room.tune("whisper", "agent")
    new = added(fake)[-1]
    assert fake.calls()[before:] == [
        "POST /channels/agent/snoop",
        f"POST /channels/{new}/variable",
        f"DELETE /channels/{old}",
        "POST /bridges/callguard.room.s/addChannel",
    ]
    assert leases(fake, new) == ["6"], "before anybody is heard through it"
    assert new != old
    assert fake.requests[before][2]["whisper"] == "out"


async def test_an_old_snoop_that_will_not_go_stops_the_change(made: tuple[FakeAri, Room]) -> None:
    """Then nobody could tell who hears the supervisor; the session's end hangs the supervisor up."""
    fake, room = made
    before = added(fake)
    fake.stuck = {before[-1]}
    with pytest.raises(UnreachableError, match="did not go"):
        await room.tune("whisper", "agent")
    assert added(fake) == before
    await asyncio.sleep(0.02)
    snoops = [query["snoopId"] for _, path, query in fake.requests if path.endswith("/snoop")]
    assert all(f"DELETE /channels/{snoop}" in fake.calls() for snoop in snoops)
    ear = room.close()
    assert ear, "whoever ends the session must see to it"
    assert (ear.id, ear.proved) == (before[-1], False)


async def test_a_snoop_that_cant_be_made_leaves_the_old_mode(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    fake.answer("POST", "/channels/agent/snoop", {"message": "gone"}, 404)
    before = added(fake)
    with pytest.raises(AriError):
        await room.tune("listen", "agent")
    assert added(fake) == before
    assert f"DELETE /channels/{before[-1]}" not in fake.calls()


async def test_before_a_takeover_the_supervisor_is_cut_from_both(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    before = len(fake.requests)
    await room.take_over("agent", "PJSIP/agent-1")
    calls = fake.calls()[before:]
    assert calls[0] == "POST /channels/boss/variable"
    assert leases(fake, "boss") == ["6", "0"], "in the dialplan nobody could renew it"
    assert calls[1].startswith("DELETE /channels/callguard.ear.")
    assert calls[2:4] == ["POST /channels/boss/variable", "POST /channels/boss/continue"]
    assert fake.requests[before + 2][2] == {"variable": "CALLGUARD_JOIN", "value": "PJSIP/agent-1"}
    await asyncio.sleep(0.02)
    assert fake.calls()[-1] == "DELETE /bridges/callguard.room.s"


async def test_a_takeover_that_does_not_arrive_is_an_error(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    fake.stuck = {"boss"}
    with pytest.raises(UnreachableError, match="did not join"):
        await room.take_over("agent", "PJSIP/agent-1")


async def test_a_change_that_is_cancelled_leaves_no_snoop(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    fake.stuck = {added(fake)[-1]}
    task = asyncio.create_task(room.tune("whisper", "agent"))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.02)
    snoops = [query["snoopId"] for _, path, query in fake.requests if path.endswith("/snoop")]
    assert all(f"DELETE /channels/{snoop}" in fake.calls() for snoop in snoops)


async def test_a_cut_deletes_the_snoop_and_another_agent_may_follow(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    old, before = added(fake)[-1], len(fake.requests)
    await room.silence()
    assert room.agent is None
    assert fake.calls()[before:] == [f"DELETE /channels/{old}"]
    await room.tune("whisper", "successor")
    assert fake.calls()[before + 1] == "POST /channels/successor/snoop"
    assert fake.calls()[-1] == "POST /bridges/callguard.room.s/addChannel"
    assert room.agent == "successor"


async def test_a_snoop_that_went_with_its_agent_is_not_waited_for(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    fake.answer("DELETE", f"/channels/{added(fake)[-1]}", {"message": "gone"}, 404)
    await asyncio.wait_for(cut(room), 0.15)


@pytest.mark.parametrize("when", [0.0, 0.03])
async def test_a_cut_wins_against_a_mode_that_is_being_tuned(made: tuple[FakeAri, Room], when: float) -> None:
    """Were it the other way round, the supervisor would be in the agent's private consultation."""
    fake, room = made
    before = added(fake)
    tuning = asyncio.create_task(room.tune("barge", "agent"))
    await asyncio.sleep(when)
    await cut(room)
    with pytest.raises(CutError):
        await tuning
    assert added(fake) == before
    await asyncio.sleep(0.02)
    snoops = [query["snoopId"] for _, path, query in fake.requests if path.endswith("/snoop")]
    assert all(f"DELETE /channels/{snoop}" in fake.calls() for snoop in snoops)


async def test_a_cut_while_the_snoop_enters_takes_it_out_again(made: tuple[FakeAri, Room]) -> None:
    fake, room = made

    async def slowly(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        return web.json_response({"message": "gone"}, status=404)

    fake.answers["POST", "/bridges/callguard.room.s/addChannel"] = slowly
    tuning = asyncio.create_task(room.tune("barge", "agent"))
    while len(added(fake)) < 3:  # supervisor, first snoop, this one
        await asyncio.sleep(0.01)
    await cut(room)
    assert f"DELETE /channels/{added(fake)[-1]}" in fake.calls(), "while it was still being added"
    with pytest.raises(CutError):
        await tuning


async def test_a_cut_stops_a_takeover_before_the_supervisor_moves(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    taking = asyncio.create_task(room.take_over("agent", "PJSIP/agent-1"))
    await asyncio.sleep(0.03)
    await cut(room)
    with pytest.raises(CutError):
        await taking
    assert "POST /channels/boss/continue" not in fake.calls()


async def test_a_lease_that_cant_be_taken_off_stops_a_takeover_and_leaves_the_mode(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    before = len(fake.requests)
    fake.answer("POST", "/channels/boss/variable", {"message": "no"}, 500)
    with pytest.raises(LeaseError):
        await room.take_over("agent", "PJSIP/agent-1")
    assert fake.calls()[before:] == ["POST /channels/boss/variable"]
    assert "boss" in room._reconciler.leases, "it is renewed as before"


async def test_an_ear_without_a_lease_never_enters(made: tuple[FakeAri, Room], monkeypatch: pytest.MonkeyPatch) -> None:
    fake, room = made
    monkeypatch.setattr(module, "ear", lambda app, mode: "callguard.ear.listen.e")
    fake.answer("POST", "/channels/callguard.ear.listen.e/variable", {"message": "no"}, 500)
    before = added(fake)
    with pytest.raises(AriError):
        await room.tune("listen", "agent")
    assert added(fake) == before
    await asyncio.sleep(0.02)
    assert "DELETE /channels/callguard.ear.listen.e" in fake.calls()


async def test_a_cut_ear_is_renewed_no_more_even_if_it_will_not_go(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    ear = added(fake)[-1]
    assert ear in room._reconciler.leases
    fake.stuck = {ear}
    removal = room.cut()
    assert removal is not None
    assert ear not in room._reconciler.leases
    assert not await removal.within(0.05)


async def test_the_end_of_an_ear_that_nobody_wanted_is_noticed_once(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    ear = added(fake)[-1]
    assert not room.lost("another channel")
    assert room.lost(ear)
    assert room.agent is None
    assert not room.lost(ear)
    await room.tune("barge", "agent")
    assert added(fake)[-1] != ear


async def test_the_end_of_an_ear_that_was_cut_is_no_loss(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    fake.stuck = {added(fake)[-1]}
    room.cut()
    assert not room.lost(added(fake)[-1])


async def test_an_ear_that_is_missing_from_a_later_list_is_lost(made: tuple[FakeAri, Room]) -> None:
    fake, room = made
    ear, later = added(fake)[-1], time.monotonic() + 1
    assert not room.missed({ear}, later)
    assert not room.missed(set(), later - 60), "it came after that list"
    assert room.missed(set(), later)
    assert not room.missed(set(), later)
