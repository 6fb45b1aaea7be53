"""Bridges take in what an application controls, and who sits in them hears each other."""

import uuid
from collections.abc import AsyncIterator

import pytest

from tests.testbed.simulator.harness import (
    AGENT_HZ,
    CUSTOMER_HZ,
    SUPERVISOR_HZ,
    Client,
    call_on,
    connected,
    hears,
)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connected() as client:
        yield client


async def supervise(client: Client, agent: str, whisper: str) -> None:
    await client.listen()
    await client.ask("POST", "/channels", endpoint="PJSIP/supervisor1", app="test", channelId="sup")
    await client.until("StasisStart", id="sup")
    await client.ask("POST", "/bridges/room", type="mixing,dtmf_events")
    await client.ask("POST", f"/channels/{agent}/snoop", app="test", spy="both", whisper=whisper, snoopId="ear")
    await client.until("StasisStart", id="ear")
    await client.ask("POST", "/bridges/room/addChannel", channel="sup,ear")
    await client.simulator.advance(1.0)


async def test_commands_before_stasis_start_get_409_or_422_and_work_after_it(client: Client) -> None:
    await client.listen()
    call = await call_on(client)
    snoop = str(uuid.uuid4())
    status, view = await client.ask("POST", f"/channels/{call.customer.id}/snoop", app="test", spy="in", snoopId=snoop)
    assert (status, view["id"], view["state"]) == (200, snoop, "Up")
    await client.ask("POST", "/bridges/room", type="mixing")
    assert (await client.ask("POST", f"/channels/{snoop}/play", media="sound:beep"))[0] == 409
    assert (await client.ask("POST", "/bridges/room/addChannel", channel=snoop))[0] == 422
    await client.until("StasisStart", id=snoop)
    assert (await client.ask("POST", "/bridges/room/addChannel", channel=snoop))[0] == 204
    assert (await client.ask("DELETE", f"/channels/{snoop}"))[0] == 204
    assert (await client.ask("DELETE", f"/channels/{snoop}"))[0] == 404


async def test_a_whisper_by_ari_reaches_the_agent_and_never_the_customer(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    phones = client.simulator.phones
    assert hears(phones["PJSIP/customer1"]) == {AGENT_HZ}
    assert hears(phones["PJSIP/agent1"]) == {CUSTOMER_HZ, SUPERVISOR_HZ}
    assert hears(phones["PJSIP/supervisor1"]) == {CUSTOMER_HZ, AGENT_HZ}


async def test_when_the_customer_hangs_up_the_supervisor_stays_alone_in_the_room(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    client.simulator.exchange.request_hangup(call.customer)
    await client.until("ChannelDestroyed", id="ear")
    assert (await client.ask("GET", "/bridges/room"))[1]["channels"] == ["sup"]


async def test_a_bridge_that_exists_is_returned_as_it_is(client: Client) -> None:
    first = await client.ask("POST", "/bridges/room", type="mixing", name="one")
    assert first[1]["name"] == "one"
    assert (await client.ask("POST", "/bridges", bridgeId="room", name="two"))[1]["name"] == "one"
    assert [bridge["id"] for bridge in (await client.ask("GET", "/bridges"))[1]] == ["room"]


async def test_what_is_taken_out_or_destroyed_is_there_no_more(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    assert (await client.ask("POST", "/bridges/room/removeChannel", channel="ear"))[0] == 204
    assert (await client.ask("GET", "/bridges/room"))[1]["channels"] == ["sup"]
    refused = await client.ask("POST", "/bridges/room/removeChannel", channel="ear")
    assert refused == (422, {"message": "Channel not in this bridge"})
    assert (await client.ask("DELETE", "/bridges/room"))[0] == 204
    assert (await client.ask("GET", "/bridges/room"))[0] == 404
    assert (await client.ask("GET", "/channels/sup"))[0] == 200


async def test_one_unknown_channel_of_several_moves_none(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    await client.ask("POST", "/bridges/other", type="mixing")
    assert (await client.ask("POST", "/bridges/other/addChannel", channel="sup,none"))[0] == 400
    assert (await client.ask("GET", "/bridges/other"))[1]["channels"] == []


async def test_who_enters_muted_hears_and_is_not_heard(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    await client.ask("POST", "/bridges/room/addChannel", channel="sup", mute="true")
    await client.simulator.advance(1.0)
    assert hears(client.simulator.phones["PJSIP/agent1"]) == {CUSTOMER_HZ}
    assert hears(client.simulator.phones["PJSIP/supervisor1"]) == {CUSTOMER_HZ, AGENT_HZ}


async def test_a_sound_played_into_a_bridge_is_told_of_the_bridge(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    status, view = await client.ask("POST", "/bridges/room/play/p1", media="sound:beep")
    assert (status, view["id"], view["target_uri"]) == (201, "p1", "bridge:room")
    assert (await client.until("PlaybackFinished", id="p1"))["playback"]["state"] == "done"
