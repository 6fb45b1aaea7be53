"""Weather: each kind of failure happens as asked, to whom it should, and passes."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from callguard.testbed.simulator.weather import Fault
from tests.testbed.simulator.harness import Client, call_on, connected


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connected() as client:
        yield client


async def test_a_failing_rest_answers_as_told_only_where_told_and_only_so_often(client: Client) -> None:
    client.simulator.weather.faults.append(Fault("GET /ari/channels", status=503, times=2))
    assert [(await client.ask("GET", "/channels"))[0] for _ in range(3)] == [503, 503, 200]
    assert (await client.ask("GET", "/bridges"))[0] == 200
    assert client.simulator.weather.met == 2


async def test_a_slow_rest_answers_late_and_rightly(client: Client) -> None:
    client.simulator.weather.faults.append(Fault(delay_s=0.2))
    loop = asyncio.get_running_loop()
    begin = loop.time()
    assert (await client.ask("GET", "/channels"))[0] == 200
    assert loop.time() - begin >= 0.2


async def test_a_hanging_rest_never_answers_until_the_weather_clears(client: Client) -> None:
    client.simulator.weather.faults.append(Fault(hang=True))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.ask("GET", "/channels"), 0.3)
    client.simulator.weather.clear()
    assert (await client.ask("GET", "/channels"))[0] == 200


async def test_refused_sockets_get_503_and_rest_goes_on(client: Client) -> None:
    client.simulator.weather.sockets_refused = True
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.listen()
    assert refused.value.status == 503
    assert (await client.ask("GET", "/channels"))[0] == 200


async def test_a_restart_ends_every_call_and_socket_and_comes_back_at_the_same_address_with_nothing(
    client: Client,
) -> None:
    socket = await client.listen()
    call = await call_on(client)
    url = client.simulator.url
    while not socket.closed and (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
        if not client.simulator.restarts:
            await client.simulator.restart(down_s=0.05)
    assert socket.close_code == 1006
    assert not call.alive
    assert client.simulator.url == url
    assert await client.ask("GET", "/channels") == (200, [])
    assert await client.ask("GET", "/applications") == (200, [])
    await call_on(client)
