"""A removal goes on, by one means after the other, until Asterisk has said that the thing is gone."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import structlog
from aiohttp import web

from callguard.asterisk.ami import AmiError
from callguard.asterisk.client import AriClient
from callguard.asterisk.events import Channel, ChannelDestroyed
from callguard.asterisk.upkeep import removal as module
from callguard.asterisk.upkeep.removal import Remover, all_within
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari

EAR = "callguard.ear.listen.e"
ROOM = "callguard.room.s"


@dataclass
class Manager:
    """A manager interface; `answers` are what its hangups return, the last for ever, or raise."""

    answers: list[bool | Exception] = field(default_factory=lambda: [True])
    asked_at: list[float] = field(default_factory=list)

    async def hang_up(self, channel: str) -> bool:
        assert channel == EAR
        self.asked_at.append(time.monotonic())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Bench:
    fake: FakeAri
    ari: AriClient
    manager: Manager
    remover: Remover

    def deletions(self) -> int:
        return sum(call.startswith("DELETE") for call in self.fake.calls())

    def tell_gone(self) -> None:
        self.remover.see(ChannelDestroyed(0.0, Channel(EAR, "Snoop/1-1"), 16))


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    monkeypatch.setattr(module, "HEDGE_S", 0.1)
    monkeypatch.setattr(module, "PAUSES_S", (0.05, 0.1))
    async with fake_ari() as fake, AriClient(fake.config(timeout_s=2)) as ari:
        manager = Manager()
        remover = Remover(ari, manager.hang_up)
        yield Bench(fake, ari, manager, remover)
        await remover.close()


def fail(bench: Bench, status: int = 500, path: str = f"/channels/{EAR}") -> None:
    bench.fake.answer("DELETE", path, {"message": "no"}, status)


async def test_an_accepted_request_is_no_proof_but_the_event_is(bench: Bench) -> None:
    bench.manager.answers = [AmiError("not connected")]
    removal = bench.remover.remove(EAR)
    assert not await removal.within(0.05)
    bench.tell_gone()
    assert await removal.within(0)
    assert bench.remover.under_way == {}


async def test_an_answer_that_there_is_no_such_channel_is_proof(bench: Bench) -> None:
    fail(bench, 404)
    assert await bench.remover.remove(EAR).within(0.5)
    assert bench.manager.asked_at == []


async def test_where_ari_refuses_the_manager_interface_comes_at_once(bench: Bench) -> None:
    fail(bench)
    bench.manager.answers = [True, False]
    began = time.monotonic()
    assert await bench.remover.remove(EAR).within(1)
    assert bench.manager.asked_at[0] - began < 0.08


async def test_where_ari_hangs_the_manager_interface_comes_after_the_hedge_and_one_request_waits(bench: Bench) -> None:
    async def slowly(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.5)
        return web.Response(status=204)

    bench.fake.answers["DELETE", f"/channels/{EAR}"] = slowly
    began = time.monotonic()
    removal = bench.remover.remove(EAR)
    await asyncio.sleep(0.4)
    assert 0.1 <= bench.manager.asked_at[0] - began < 0.25
    assert bench.deletions() == 1, "a slow Asterisk is not asked again while it works"
    assert not removal.proved


async def test_a_hangup_that_the_manager_interface_accepts_twice_is_no_proof(bench: Bench) -> None:
    fail(bench)
    removal = bench.remover.remove(EAR)
    assert not await removal.within(0.4)
    assert len(bench.manager.asked_at) >= 4


async def test_it_goes_on_for_ever_when_all_means_fail(bench: Bench) -> None:
    fail(bench)
    bench.manager.answers = [AmiError("Permission denied")]
    removal = bench.remover.remove(EAR)
    assert not await removal.within(0.7)
    assert bench.deletions() >= 5
    del bench.fake.answers["DELETE", f"/channels/{EAR}"]
    fail(bench, 404)
    assert await removal.within(0.5)


async def test_each_round_logs_what_the_last_means_said(bench: Bench) -> None:
    fail(bench)
    bench.manager.answers = [AmiError("Permission denied")]
    with structlog.testing.capture_logs() as logs:
        removal = bench.remover.remove(EAR)
        while not logs:
            await removal.within(0.01)
        assert logs[0]["refusal"] == "Permission denied"
        bench.manager.answers = [True]
        while "500" not in logs[-1]["refusal"]:  # pytest's time limit ends a vain wait
            await removal.within(0.01)
    assert logs[-1]["object"] == EAR


async def test_without_a_manager_interface_ari_is_asked_again(bench: Bench) -> None:
    remover = Remover(bench.ari, None)
    fail(bench)
    removal = remover.remove(EAR)
    assert not await removal.within(0.3)
    assert bench.deletions() >= 3
    await remover.close()


async def test_a_bridge_is_gone_when_ari_says_so_and_the_manager_interface_is_left_out(bench: Bench) -> None:
    fail(bench, path=f"/bridges/{ROOM}")
    removal = bench.remover.remove(ROOM)
    assert not await removal.within(0.3)
    assert bench.manager.asked_at == []
    del bench.fake.answers["DELETE", f"/bridges/{ROOM}"]
    assert await removal.within(0.5)


async def test_absence_from_a_later_list_is_proof_and_from_an_earlier_one_is_not(bench: Bench) -> None:
    fail(bench)
    before = time.monotonic()
    removal = bench.remover.remove(EAR)
    bench.remover.saw(set(), before - 1)
    assert not removal.proved
    bench.remover.saw({EAR}, time.monotonic() + 1)
    assert not removal.proved
    bench.remover.saw(set(), time.monotonic() + 1)
    assert removal.proved


async def test_asked_twice_it_is_one_removal_and_later_another(bench: Bench) -> None:
    fail(bench)
    first = bench.remover.remove(EAR)
    assert bench.remover.remove(EAR) is first
    bench.tell_gone()
    assert bench.remover.remove(EAR) is not first


async def test_an_abandoned_removal_asks_no_more_and_proves_nothing(bench: Bench) -> None:
    fail(bench)
    removal = bench.remover.remove(EAR)
    bench.remover.abandon(EAR)
    bench.remover.abandon("never removed")
    await asyncio.sleep(0.2)
    asked = bench.deletions()
    await asyncio.sleep(0.4)
    assert bench.deletions() == asked
    assert not removal.proved
    assert bench.remover.under_way == {}


async def test_several_are_gone_when_the_last_is(bench: Bench) -> None:
    fail(bench)
    removals = [bench.remover.remove(each) for each in (EAR, ROOM)]
    assert not await all_within(removals, 0.1)
    bench.tell_gone()
    assert await all_within(removals, 0.5)


async def test_an_unforeseen_error_of_one_means_does_not_end_the_attempts(bench: Bench) -> None:
    fail(bench)
    bench.manager.answers = [RuntimeError("unforeseen"), False]
    removal = bench.remover.remove(EAR)
    assert await removal.within(2)
    assert len(bench.manager.asked_at) == 2
