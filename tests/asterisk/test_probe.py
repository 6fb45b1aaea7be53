"""ARI is asked every few seconds whether it serves; one that hangs is asked more rarely."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from callguard.asterisk import health
from callguard.asterisk import probe as module
from callguard.asterisk.client import AriClient
from callguard.asterisk.health import Trouble
from callguard.asterisk.probe import Probe
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari


@asynccontextmanager
async def probing() -> AsyncIterator[tuple[FakeAri, list[Trouble | None]]]:
    looks: list[Trouble | None] = []
    async with fake_ari() as fake, AriClient(fake.config(timeout_s=0.1)) as ari:
        fake.answer("GET", "/applications", [])
        task = asyncio.create_task(Probe(ari, looks.append).run())
        yield fake, looks
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    monkeypatch.setattr(module, "PROBE_S", 0.02)
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    monkeypatch.setattr(health, "TOLERATED_S", 0.1)


async def test_a_refusal_is_seen_without_anybody_asking_and_so_is_its_end() -> None:
    async with probing() as (fake, looks):
        await asyncio.sleep(0.1)
        assert set(looks) == {None}
        fake.answer("GET", "/applications", {"message": "no"}, 401)
        await asyncio.sleep(0.3)
        assert looks[-1]
        assert looks[-1].kind == "refuses"
        fake.answer("GET", "/applications", [])
        await asyncio.sleep(0.1)
        assert looks[-1] is None


async def test_a_locked_up_ari_is_told_and_not_filled_with_probes() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with probing() as (fake, looks):
        fake.answers["GET", "/applications"] = never
        await asyncio.sleep(1.0)
        assert looks[-1]
        assert looks[-1].kind == "hangs"
        assert len(fake.requests) < 7
