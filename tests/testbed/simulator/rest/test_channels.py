"""Channels are made, rung, played to and sent on as Asterisk 22.10.1 does it."""

from collections.abc import AsyncIterator

import pytest

from callguard.audio.frames import FRAME_S
from callguard.testbed.simulator.calls import Call
from tests.testbed.simulator.harness import (
    CUSTOMER_HZ,
    SUPERVISOR_HZ,
    Client,
    call_on,
    connected,
    hears,
)
from tests.testbed.simulator.rest.test_bridges import supervise


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connected() as client:
        yield client


async def test_an_agent_who_is_unplugged_is_not_reached(client: Client) -> None:
    customer, agent = client.simulator.phones["PJSIP/customer1"], client.simulator.phones["PJSIP/agent1"]
    agent.registered = False
    await client.listen()
    call = Call(client.simulator.exchange, customer, [agent], queue=None)
    await client.until("Dial", dialstatus="CHANUNAVAIL")
    assert call.agent is None


async def test_a_snoop_id_in_use_gets_500_and_a_channel_id_in_use_409(client: Client) -> None:
    await client.listen()
    call = await call_on(client)
    target = f"/channels/{call.customer.id}/snoop"
    assert (await client.ask("POST", target, app="test", spy="in", snoopId="s"))[0] == 200
    assert (await client.ask("POST", target, app="test", spy="in", snoopId="s"))[0] == 500
    taken = {"endpoint": "PJSIP/supervisor1", "app": "test", "channelId": "s"}
    assert (await client.ask("POST", "/channels", **taken))[0] == 409


async def test_a_snoop_dies_when_no_socket_is_up(client: Client) -> None:
    call = await call_on(client)
    status, view = await client.ask("POST", f"/channels/{call.customer.id}/snoop", app="test", spy="in")
    assert status == 200
    await client.simulator.advance(0.1)
    assert (await client.ask("GET", f"/channels/{view['id']}"))[0] == 404


@pytest.mark.parametrize(
    ("how", "cause"), [({"busy": True}, 17), ({"answers_after": None}, 19)], ids=["busy", "nobody answers"]
)
async def test_a_supervisor_who_does_not_answer_is_destroyed_with_the_cause_and_never_starts(
    client: Client, how: dict[str, object], cause: int
) -> None:
    await client.listen()
    phone = client.simulator.phones["PJSIP/supervisor1"]
    for name, value in how.items():
        setattr(phone, name, value)
    ring = {"endpoint": phone.endpoint, "app": "test", "channelId": "sup", "timeout": "1"}
    status, view = await client.ask("POST", "/channels", {"variables": {"A": "b"}}, **ring)
    assert (status, view["state"]) == (200, "Down")
    event = await client.until("ChannelDestroyed", id="sup")
    assert event["cause"] == cause
    assert "StasisStart" not in [event["type"] for event in client.events]


async def test_an_answered_supervisor_starts_with_caller_id_and_variables(client: Client) -> None:
    await client.listen()
    ring = {"endpoint": "PJSIP/supervisor1", "app": "test", "channelId": "sup", "callerId": "CallGuard <100>"}
    await client.ask("POST", "/channels", {"variables": {"A": "b"}}, **ring)
    start = await client.until("StasisStart", id="sup")
    assert start["channel"]["caller"] == {"name": "CallGuard", "number": "100"}
    assert await client.ask("GET", "/channels/sup/variable", variable="A") == (200, {"value": "b"})
    assert [event["dialstatus"] for event in client.events if event["type"] == "Dial"] == ["", "RINGING", "ANSWER"]


async def test_a_take_over_leaves_customer_and_supervisor_talking_until_the_customer_ends_it(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    await client.ask("DELETE", "/channels/ear")
    await client.ask("POST", "/channels/sup/variable", variable="CALLGUARD_JOIN", value=call.agent.name)
    assert (await client.ask("POST", "/channels/sup/continue", context="callguard-join", extension="s"))[0] == 204
    await client.until("ChannelEnteredBridge", id="sup")
    await client.ask("DELETE", f"/channels/{call.agent.id}")
    await client.simulator.advance(1.0)
    assert hears(client.simulator.phones["PJSIP/customer1"]) == {SUPERVISOR_HZ}
    assert hears(client.simulator.phones["PJSIP/supervisor1"]) == {CUSTOMER_HZ}
    client.simulator.exchange.request_hangup(call.customer)
    await client.simulator.advance(0.1)
    assert (await client.ask("GET", "/channels"))[1] == []


async def lease(client: Client, channel: str, seconds: int) -> None:
    answer = await client.ask("POST", f"/channels/{channel}/variable", variable="TIMEOUT(absolute)", value=str(seconds))
    assert answer[0] == 204


async def test_an_absolute_timeout_ends_a_channel_unless_it_is_set_again_or_taken_off(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    for channel in ("sup", "ear"):
        await lease(client, channel, 2)
    await client.simulator.advance(1.5)
    await lease(client, "sup", 2)
    await client.simulator.advance(1.0)
    assert set(client.simulator.exchange.channels) == {call.customer.id, call.agent.id, "sup"}
    await lease(client, "sup", 0)
    await client.simulator.advance(3.0)
    assert "sup" in client.simulator.exchange.channels


async def test_an_absolute_timeout_goes_with_the_channel_into_the_dialplan(client: Client) -> None:
    call = await call_on(client)
    assert call.agent is not None
    await supervise(client, call.agent.id, "out")
    await lease(client, "sup", 2)
    await client.ask("POST", "/channels/sup/variable", variable="CALLGUARD_JOIN", value=call.agent.name)
    await client.ask("POST", "/channels/sup/continue", context="callguard-join", extension="s")
    await client.until("ChannelEnteredBridge", id="sup")
    await client.simulator.advance(2.5)
    assert "sup" not in client.simulator.exchange.channels


async def test_playbacks_of_one_channel_come_one_after_another_and_continue_waits_for_them(client: Client) -> None:
    await client.listen()
    call = await call_on(client)
    await client.ask("POST", f"/channels/{call.customer.id}/snoop", app="test", spy="in", snoopId="s")
    await client.until("StasisStart", id="s")
    status, first = await client.ask("POST", "/channels/s/play/p1", media="sound:beep")
    assert (status, first["state"]) == (201, "playing")
    status, second = await client.ask("POST", "/channels/s/play/p2", media="sound:/no/such/file")
    assert (status, second["state"]) == (201, "queued")
    await client.ask("POST", "/channels/s/play/p3", media="digits:12")
    await client.ask("POST", "/channels/s/continue", context="nowhere", extension="s")
    assert (await client.until("PlaybackFinished", id="p1"))["playback"]["state"] == "done"
    assert (await client.until("PlaybackFinished", id="p2"))["playback"]["state"] == "failed"
    assert (await client.ask("DELETE", "/playbacks/p3"))[0] == 204
    assert (await client.until("ChannelDestroyed", id="s"))["cause"] == 0


async def test_keys_pressed_by_hand_arrive_one_by_one(client: Client) -> None:
    await client.listen()
    await client.ask("POST", "/channels", endpoint="PJSIP/supervisor1", app="test", channelId="sup")
    await client.until("StasisStart", id="sup")
    client.simulator.exchange.press(client.simulator.exchange.channels["sup"], "5*")
    assert (await client.until("ChannelDtmfReceived"))["digit"] == "5"
    await client.simulator.advance(FRAME_S)
    assert (await client.until("ChannelDtmfReceived"))["digit"] == "*"


async def test_a_channel_tells_whether_its_phone_holds(client: Client) -> None:
    call = await call_on(client)
    path = f"/channels/{call.customer.id}/variable"
    assert await client.ask("GET", path, variable="CHANNEL(rtp,hold,audio)") == (200, {"value": "0"})
    client.simulator.exchange.hold(call.customer)
    assert await client.ask("GET", path, variable="CHANNEL(rtp,hold,audio)") == (200, {"value": "1"})
