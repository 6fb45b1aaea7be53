"""A phone's device state is what Asterisk 22.10.1 tells of it."""

from collections.abc import AsyncIterator

import pytest

from tests.testbed.simulator.harness import (
    Client,
    connected,
)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connected() as client:
        yield client


async def test_a_phones_device_state_follows_what_it_does(client: Client) -> None:
    """The states were taken from Asterisk 22.10.1."""

    async def state(name: str = "supervisor1") -> str:
        status, answer = await client.ask("GET", f"/deviceStates/PJSIP%2F{name}")
        assert (status, answer["name"]) == (200, f"PJSIP/{name}")
        return str(answer["state"])

    await client.listen()
    assert (await state(), await state("nobody")) == ("NOT_INUSE", "INVALID")
    await client.ask("POST", "/channels", endpoint="PJSIP/supervisor1", app="test", channelId="sup")
    await client.until("ChannelStateChange", id="sup")
    assert await state() == "RINGING"
    await client.until("StasisStart", id="sup")
    assert await state() == "INUSE"
    await client.ask("DELETE", "/channels/sup")
    assert await state() == "NOT_INUSE"
    client.simulator.phones["PJSIP/supervisor1"].registered = False
    assert await state() == "UNAVAILABLE"
    refused = await client.ask("POST", "/channels", endpoint="PJSIP/supervisor1", app="test")
    assert refused == (500, {"message": "Allocation failed"})
