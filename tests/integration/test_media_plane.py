"""The media plane of the running service: lost workers, lost calm, no room, strangers at the doors."""

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
import redis.asyncio

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.phone import PhoneCall
from callguard.testbed.valkey import free_port
from tests.integration.harness.service import LOUD_RULE, Service
from tests.integration.harness.speech import call_voice

STRANGERS, IDLE_SCREENS = 200, 1000


class Ports:
    """Where the service listens."""

    def __init__(self) -> None:
        self.media, self.console = free_port(), free_port()


@pytest_asyncio.fixture(loop_scope="session")
async def ports() -> Ports:
    return Ports()


@pytest_asyncio.fixture(loop_scope="session")
async def service(lab: Lab, redis_url: str, tmp_path: Path, ports: Ports) -> AsyncIterator[Service]:
    media, console = {"audiosocket_port": ports.media}, {"port": ports.console}
    async with Service(lab, redis_url, tmp_path / "s", rules=LOUD_RULE, media=media, console=console) as running:
        yield running


async def call(lab: Lab, voice: Path, number: int = 1) -> PhoneCall:
    calling = await lab.farm.phone(f"customer{number}").call(f"20{number}", voice)
    await lab.farm.phone(f"agent{number}").answered()
    return calling


async def both_tapped(service: Service, kind: str = "tap.opened", since: int = 0) -> str:
    await service.wait_for(kind, since=since, leg="agent")
    return str((await service.wait_for(kind, since=since, leg="customer"))["subject"])


def workers_of(service: Service) -> list[int]:
    assert service._process
    pid = service._process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def part_told(service: Service, kind: str, part: str) -> None:
    """Wait until a part of the node is told of: the first word of the reason names it."""
    async with asyncio.timeout(15):
        while part not in [event["data"]["reason"].partition(":")[0] for event in service.of(kind)]:
            await asyncio.sleep(0.05)
            await service.read()


class Floor:
    """What lists say of a call."""

    def __init__(self, redis_url: str) -> None:
        self.redis = redis.asyncio.Redis.from_url(redis_url, decode_responses=True)

    async def baselines(self, of: str) -> dict[str, Any]:
        return dict(await self.redis.hgetall(f"callguard:baselines:{of}"))

    async def rise_db(self, of: str) -> float:
        text = await self.redis.hget("callguard:signals", of)
        return float((json.loads(text)["customer"].get("level_rise_db") if text else None) or 0.0)


async def test_a_calm_baseline_outlives_worker_and_service_and_ends_with_the_call(
    lab: Lab, service: Service, redis_url: str, tmp_path: Path
) -> None:
    floor = Floor(redis_url)
    customer = await call(lab, call_voice(tmp_path / "turning.wav", ("neutral", 14), ("angry", 40)))
    of = await both_tapped(service)
    async with asyncio.timeout(25):
        while await floor.rise_db(of) < 6:
            await asyncio.sleep(0.2)
    assert len(await floor.baselines(of)) >= 1

    since = len(await service.read())
    (worker,) = workers_of(service)
    os.kill(worker, signal.SIGKILL)
    await part_told(service, "node.degraded", "worker")
    await both_tapped(service, "tap.restored", since)
    await part_told(service, "node.recovered", "worker")
    async with asyncio.timeout(6):
        while await floor.rise_db(of) < 6:
            await asyncio.sleep(0.1)

    await service.kill()
    since = len(await service.read())
    await service.start()
    await both_tapped(service, since=since)
    async with asyncio.timeout(6):
        while await floor.rise_db(of) < 6:
            await asyncio.sleep(0.1)
    await customer.hangup()
    await service.wait_for("call.ended", since=since)
    async with asyncio.timeout(8):
        while await floor.baselines(of):
            await asyncio.sleep(0.1)
    await floor.redis.aclose()


async def test_a_call_without_room_is_told_and_tapped_once_there_is_room(
    lab: Lab, redis_url: str, tmp_path: Path
) -> None:
    voice = call_voice(tmp_path / "calm.wav", ("neutral", 40))
    async with Service(lab, redis_url, tmp_path / "s", rules=LOUD_RULE, media={"legs_per_worker": 2}) as service:
        first = await call(lab, voice)
        heard = await both_tapped(service)
        second = await call(lab, voice, 2)
        lost = await service.wait_for("tap.lost", reason="full")
        assert lost["subject"] != heard
        await part_told(service, "node.degraded", "room")
        await first.hangup()
        await service.wait_for("call.ended", call=heard)
        assert await both_tapped(service, "tap.restored") == lost["subject"]
        await part_told(service, "node.recovered", "room")
        await second.hangup()
        await service.wait_for("call.ended", call=lost["subject"])


async def test_strangers_at_the_doors_keep_no_call_out(
    lab: Lab, service: Service, ports: Ports, tmp_path: Path
) -> None:
    with contextlib.ExitStack() as crowd:
        for port, count in ((ports.media, STRANGERS), (ports.console, IDLE_SCREENS)):
            for _ in range(count):
                crowd.enter_context(socket.create_connection(("127.0.0.1", port)))
        customer = await call(lab, call_voice(tmp_path / "calm.wav", ("neutral", 10)))
        await both_tapped(service)
        assert service.of("tap.lost") == []
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{ports.console}/healthz") as response:
            assert response.status == 200
        await customer.hangup()
        await service.wait_for("call.ended")
