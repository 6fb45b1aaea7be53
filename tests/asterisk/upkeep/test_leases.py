"""Leases are renewed in time, stop at once, and are off before a supervisor leaves our application."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from callguard.asterisk.client import AriClient
from callguard.asterisk.errors import AriError
from callguard.asterisk.upkeep import leases as module
from callguard.asterisk.upkeep.leases import MEDIA_S, PERSON_S, SWEEP_S, Leases
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari

SET = "/channels/{}/variable"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
async def made(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[FakeAri, Leases]]:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    async with fake_ari() as fake, AriClient(fake.config(timeout_s=1)) as ari:
        yield fake, Leases(ari)


def told(fake: FakeAri, channel: str) -> list[str]:
    """The seconds that Asterisk was told, in order."""
    found = [query for _, path, query in fake.requests if path == SET.format(channel)]
    assert all(query["variable"] == "TIMEOUT(absolute)" for query in found)
    return [query["value"] for query in found]


async def sweep(leases: Leases) -> None:
    leases.renew()
    await asyncio.sleep(0.03)


async def test_each_sweep_renews_a_persons_lease_and_few_a_taps(clock: Clock, made: tuple[FakeAri, Leases]) -> None:
    fake, leases = made
    await leases.grant("boss")
    await leases.grant("tap", MEDIA_S)
    for _ in range(30):
        clock.now += SWEEP_S
        await sweep(leases)
    assert told(fake, "boss") == [f"{PERSON_S:g}"] * 31
    assert told(fake, "tap") == [f"{MEDIA_S:g}"] * 2


async def test_a_dropped_lease_is_renewed_no_more(clock: Clock, made: tuple[FakeAri, Leases]) -> None:
    fake, leases = made
    await leases.grant("ear")
    leases.drop("ear")
    leases.drop("never granted")
    clock.now += SWEEP_S
    await sweep(leases)
    assert told(fake, "ear") == ["6"]


async def test_while_events_are_lost_peoples_leases_run_out_and_taps_do_not(
    clock: Clock, made: tuple[FakeAri, Leases]
) -> None:
    fake, leases = made
    await leases.grant("boss")
    await leases.grant("tap", MEDIA_S)
    leases.blind = True
    clock.now += MEDIA_S / 2
    await sweep(leases)
    assert (told(fake, "boss"), told(fake, "tap")) == (["6"], ["120"] * 2)
    leases.see()
    await asyncio.sleep(0.03)
    assert told(fake, "boss") == ["6"] * 2


async def test_what_cant_be_put_under_a_lease_is_an_error_and_is_not_renewed(made: tuple[FakeAri, Leases]) -> None:
    fake, leases = made
    fake.answer("POST", SET.format("ear"), {"message": "no"}, 500)
    with pytest.raises(AriError):
        await leases.grant("ear")
    assert "ear" not in leases


async def test_a_renewal_that_fails_is_tried_in_the_next_sweep(clock: Clock, made: tuple[FakeAri, Leases]) -> None:
    fake, leases = made
    await leases.grant("boss")
    fake.answer("POST", SET.format("boss"), {"message": "no"}, 500)
    clock.now += SWEEP_S
    await sweep(leases)
    del fake.answers["POST", SET.format("boss")]
    clock.now += SWEEP_S
    await sweep(leases)
    assert told(fake, "boss") == ["6"] * 3
    assert "boss" in leases


async def test_one_that_hangs_delays_no_other_and_is_not_asked_twice(
    clock: Clock, made: tuple[FakeAri, Leases]
) -> None:
    fake, leases = made
    await leases.grant("slow")
    await leases.grant("quick")
    fake.answers["POST", SET.format("slow")] = _slowly
    for _ in range(3):
        clock.now += SWEEP_S
        await sweep(leases)
    assert told(fake, "quick") == ["6"] * 4
    assert told(fake, "slow") == ["6"] * 2


async def test_a_lease_has_run_out_when_it_was_not_renewed_in_its_length(
    clock: Clock, made: tuple[FakeAri, Leases]
) -> None:
    _, leases = made
    assert not leases.has_run_out("boss")
    await leases.grant("boss")
    clock.now += PERSON_S - 0.1
    assert not leases.has_run_out("boss")
    clock.now += 0.1
    assert leases.has_run_out("boss")


async def test_the_lease_of_a_channel_that_is_gone_ends(clock: Clock, made: tuple[FakeAri, Leases]) -> None:
    fake, leases = made
    await leases.grant("ear")
    fake.answer("POST", SET.format("ear"), {"message": "gone"}, 404)
    fake.answer("GET", "/channels/ear", {"message": "gone"}, 404)
    clock.now += SWEEP_S
    await sweep(leases)
    assert "ear" not in leases


async def test_lifting_waits_for_a_renewal_under_way_so_that_it_is_the_last_word(
    clock: Clock, made: tuple[FakeAri, Leases]
) -> None:
    fake, leases = made
    done: list[str] = []

    async def in_order(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.1 if request.query["value"] != "0" else 0)
        done.append(request.query["value"])
        return web.Response(status=204)

    await leases.grant("boss")
    fake.answers["POST", SET.format("boss")] = in_order
    clock.now += SWEEP_S
    leases.renew()
    await leases.lift("boss")
    assert done == ["6", "0"]
    clock.now += SWEEP_S
    await sweep(leases)
    assert done == ["6", "0"], "it is renewed no more"


async def test_a_lease_that_cant_be_lifted_goes_on(clock: Clock, made: tuple[FakeAri, Leases]) -> None:
    fake, leases = made
    await leases.grant("boss")
    fake.answer("POST", SET.format("boss"), {"message": "no"}, 403)
    with pytest.raises(AriError):
        await leases.lift("boss")
    del fake.answers["POST", SET.format("boss")]
    clock.now += SWEEP_S
    await sweep(leases)
    assert told(fake, "boss") == ["6", "0", "6"]


async def test_a_lease_lifted_in_vain_is_back_with_the_next_sweep(clock: Clock, made: tuple[FakeAri, Leases]) -> None:
    fake, leases = made
    await leases.grant("boss")
    await leases.lift("boss")
    leases.restore("boss")
    await sweep(leases)
    assert told(fake, "boss") == ["6", "0", "6"]


async def test_sweeps_go_on_while_it_runs(made: tuple[FakeAri, Leases], monkeypatch: pytest.MonkeyPatch) -> None:
    fake, leases = made
    monkeypatch.setattr(module, "SWEEP_S", 0.02)
    await leases.grant("boss", 0.06)
    task = asyncio.create_task(leases.run())
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(told(fake, "boss")) > 5


async def _slowly(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(0.5)
    return web.Response(status=204)
