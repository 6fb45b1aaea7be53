"""The event socket: filters, subscriptions, one owner per application name."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.testbed.simulator.harness import Client, call_on, connected


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with connected() as client:
        yield client


async def received(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """Everything that waits on a socket."""
    events = []
    while True:
        try:
            events.append(await socket.receive_json(timeout=0.2))
        except TimeoutError:
            return events


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ({"allowed": [{"type": "BridgeCreated"}]}, {"BridgeCreated"}),
        (
            {"allowed": [{"type": "Dial"}, {"type": "BridgeCreated"}], "disallowed": [{"type": "Dial"}]},
            {"BridgeCreated"},
        ),
    ],
)
async def test_an_event_filter_lets_through_what_is_allowed_and_not_disallowed(
    client: Client, body: dict[str, Any], kinds: set[str]
) -> None:
    socket = await client.listen()
    status, view = await client.ask("PUT", "/applications/test/eventFilter", body)
    assert (status, view["events_allowed"]) == (200, body["allowed"])
    await call_on(client)
    assert {event["type"] for event in await received(socket)} == kinds


@pytest.mark.parametrize("body", [{"allowed": "Dial"}, {"allowed": [1]}, {"disallowed": [{}]}])
async def test_a_bad_filter_is_refused(client: Client, body: dict[str, Any]) -> None:
    await client.listen()
    assert (await client.ask("PUT", "/applications/test/eventFilter", body))[0] == 400


async def test_broken_json_is_refused(client: Client) -> None:
    url = f"{client.simulator.url}/ari/applications/test/eventFilter"
    async with client.http.put(url, data=b"{", headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 400


async def test_without_subscribe_all_only_subscribed_objects_tell(client: Client) -> None:
    socket = await client.listen(subscribe_all="false")
    call = await call_on(client)
    assert await received(socket) == []
    source = f"channel:{call.customer.id}"
    assert (await client.ask("POST", "/applications/test/subscription", eventSource=source))[0] == 200
    client.simulator.exchange.hold(call.customer)
    assert [event["type"] for event in await received(socket)] == ["ChannelHold"]


async def test_the_newer_socket_of_a_name_wins_and_the_older_stays_open_and_silent(client: Client) -> None:
    older = await client.listen()
    newer = await client.listen()
    assert [event["type"] for event in await received(older)] == ["ApplicationReplaced"]
    await call_on(client)
    assert len(await received(newer)) > 5
    assert await received(older) == []
    assert not older.closed


async def test_every_event_names_the_application_and_stasis_start_goes_to_its_own_only(client: Client) -> None:
    socket, other = await client.listen(), await client.listen("other")
    await client.ask("POST", "/channels", endpoint="PJSIP/supervisor1", app="test", channelId="sup")
    await client.simulator.advance(0.5)
    events = await received(socket)
    assert {event["application"] for event in events} == {"test"}
    assert "StasisStart" in {event["type"] for event in events}
    assert "StasisStart" not in {event["type"] for event in await received(other)}


async def test_an_application_outlives_its_socket_with_its_filter_but_misses_events(client: Client) -> None:
    socket = await client.listen()
    await client.ask("PUT", "/applications/test/eventFilter", {"allowed": [{"type": "ChannelHold"}]})
    await socket.close()
    call = await call_on(client)
    client.simulator.exchange.hold(call.customer)
    again = await client.listen()
    assert await received(again) == []
    assert (await client.ask("GET", "/applications/test"))[1]["events_allowed"] == [{"type": "ChannelHold"}]


async def test_a_dropped_socket_closes_with_1006_and_calls_go_on(client: Client) -> None:
    socket = await client.listen()
    call = await call_on(client)
    await received(socket)
    client.simulator.drop_sockets()
    message = await asyncio.wait_for(socket.receive(), 2)
    assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert socket.close_code == 1006
    assert call.alive


async def test_what_is_gone_is_subscribed_to_no_longer(client: Client) -> None:
    await client.listen(subscribe_all="false")
    call = await call_on(client)
    await client.ask("POST", f"/channels/{call.customer.id}/snoop", app="test", snoopId="s1", spy="in")
    await client.simulator.advance(0.1)
    (application,) = client.simulator.applications.by_name.values()
    assert application.sources == {"s1"}
    client.simulator.exchange.request_hangup(call.customer)
    await client.simulator.advance(0.1)
    assert application.sources == set()
