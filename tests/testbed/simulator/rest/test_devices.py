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


async def test_phones_are_listed_with_the_settings_that_tell_their_part(client: Client) -> None:
    status, listed = await client.ask("GET", "/endpoints")
    assert status == 200
    found = {each["resource"]: each for each in listed}
    assert found["supervisor1"] == {
        "technology": "PJSIP", "resource": "supervisor1", "state": "online", "channel_ids": [],
    }  # fmt: skip
    client.simulator.phones["PJSIP/supervisor1"].registered = False
    _, listed = await client.ask("GET", "/endpoints")
    assert {each["state"] for each in listed if each["resource"] == "supervisor1"} == {"offline"}
    status, settings = await client.ask("GET", "/asterisk/config/dynamic/res_pjsip/endpoint/supervisor1")
    assert status == 200
    assert {"attribute": "context", "value": "phones"} in settings
    assert (await client.ask("GET", "/asterisk/config/dynamic/res_pjsip/endpoint/nobody"))[0] == 404
