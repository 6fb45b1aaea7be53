"""The simulator as a whole: its time is the script's or the wall's, and what breaks comes back at the same address."""

import asyncio
import time

import aiohttp
import pytest

from callguard.testbed.simulator.server import HOST, Simulator
from tests.testbed.simulator.harness import call_on, connected, people


async def test_it_listens_on_loopback_and_not_any_more_when_it_is_left() -> None:
    async with connected() as client:
        assert client.simulator.url == f"http://{HOST}:{client.simulator.port}" != f"http://{HOST}:0"
        assert (await client.ask("GET", "/asterisk/ping"))[0] == 200
        url = client.simulator.url
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(f"{url}/ari/asterisk/ping")


async def test_virtual_time_goes_on_only_when_it_is_told_to() -> None:
    async with connected() as client:
        await asyncio.sleep(0.1)
        assert client.simulator.clock.frame == 0
        await client.simulator.advance(1.0)
        assert client.simulator.clock.frame == client.simulator.exchange.clock.frame == 50


@pytest.mark.parametrize("speed", [1.0, 10.0])
async def test_by_itself_time_goes_on_as_fast_as_was_asked(speed: float) -> None:
    async with Simulator(speed=speed) as simulator:
        began = time.monotonic()
        await asyncio.sleep(0.5)
        passed = time.monotonic() - began
        assert simulator.clock.elapsed == pytest.approx(passed * speed, rel=0.3)


async def test_one_can_wait_for_something_in_the_scripts_time() -> None:
    async with Simulator(speed=20.0) as simulator:
        await asyncio.wait_for(simulator.until(lambda: simulator.clock.elapsed >= 2.0), 5)
        assert simulator.clock.elapsed >= 2.0


async def test_observers_see_every_event() -> None:
    async with connected() as client:
        seen: list[str] = []
        client.simulator.observers.append(lambda event: seen.append(event["type"]))
        await call_on(client)
        assert seen[0] == "ChannelCreated"
        assert "ChannelEnteredBridge" in seen


async def test_phones_are_known_by_their_endpoint() -> None:
    simulator = Simulator(speed=None)
    simulator.add(*people().values())
    assert sorted(simulator.phones) == ["PJSIP/agent1", "PJSIP/agent2", "PJSIP/customer1", "PJSIP/supervisor1"]


async def test_a_restart_forgets_calls_and_keeps_address_phones_and_the_scripts_time() -> None:
    async with connected() as client:
        simulator = client.simulator
        await call_on(client)
        port, frame = simulator.port, simulator.clock.frame
        await simulator.restart(down_s=0.01)
        assert (simulator.port, simulator.restarts) == (port, 1)
        assert simulator.exchange.channels == {}
        assert simulator.clock.frame == frame
        assert (await client.ask("GET", "/channels")) == (200, [])


async def test_dropping_sockets_leaves_calls_alone() -> None:
    async with connected() as client:
        socket = await client.listen()
        call = await call_on(client)
        client.simulator.drop_sockets()
        while not socket.closed:
            await socket.receive()
        assert socket.close_code == 1006
        assert call.alive
