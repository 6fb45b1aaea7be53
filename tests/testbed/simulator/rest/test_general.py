"""ARI answers as Asterisk 22.10.1 does: status codes and words are those of a real one."""

import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest

from callguard.audio.frames import FRAME_S
from callguard.testbed.simulator.calls import Call
from tests.testbed.simulator.harness import (
    AGENT_HZ,
    CUSTOMER_HZ,
    PASSWORD,
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


async def test_wrong_credentials_get_401(client: Client) -> None:
    wrong = {"Authorization": aiohttp.encode_basic_auth("callguard", "guess")}
    for headers in (wrong, {}, {"Authorization": "Basic ?"}, {"Authorization": "Bearer x"}):
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{client.simulator.url}/ari/channels", headers=headers) as answer,
        ):
            assert answer.status == 401
            assert PASSWORD not in await answer.text()


async def test_credentials_may_come_as_api_key(client: Client) -> None:
    url = f"{client.simulator.url}/ari/asterisk/ping?api_key=callguard:{PASSWORD}"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert (await answer.json())["ping"] == "pong"


@pytest.mark.parametrize(
    ("method", "path", "params", "status", "message"),
    [
        ("GET", "/nothing", {}, 404, "Resource not found"),
        ("GET", "/channels/none", {}, 404, "Channel not found"),
        ("GET", "/bridges/none", {}, 404, "Bridge not found"),
        ("GET", "/applications/none", {}, 404, "Application not found"),
        ("PUT", "/applications/none/eventFilter", {}, 404, "Application not found"),
        ("GET", "/channels/none/variable", {"variable": "X"}, 404, "Provided channel was not found"),
        ("GET", "/channels/{customer}/variable", {"variable": "X"}, 404, "Provided variable was not found"),
        ("GET", "/channels/{customer}/variable", {}, 400, "Variable name is required"),
        ("POST", "/channels/{customer}/continue", {"context": "x"}, 409, "Channel not in Stasis application"),
        ("POST", "/channels/{customer}/play", {"media": "sound:beep"}, 409, "Channel not in Stasis application"),
        ("POST", "/channels/none/snoop", {"app": "test", "spy": "in"}, 404, "Provided channel was not found"),
        ("POST", "/channels/{customer}/snoop", {"app": "t", "spy": "bad"}, 400, "Invalid direction specified for spy"),
        ("POST", "/channels/{customer}/snoop", {"spy": "in"}, 400, "Application name is required"),
        (
            "POST", "/channels/{customer}/snoop", {"app": "test"}, 400,
            "Direction must be specified for at least spy or whisper",
        ),
        ("POST", "/channels", {"endpoint": "PJSIP/nobody", "app": "test"}, 500, "Allocation failed"),
        ("POST", "/bridges/room/addChannel", {"channel": "{customer}"}, 422, "Channel not in Stasis application"),
        ("POST", "/bridges/room/addChannel", {"channel": "none"}, 400, "Channel not found"),
        ("POST", "/bridges/none/addChannel", {"channel": "none"}, 404, "Bridge not found"),
        ("DELETE", "/playbacks/none", {}, 404, "Playback not found"),
        ("GET", "/asterisk/modules/bridge_native_rtp.so", {}, 404, "Module could not be found in running modules"),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_answered_as_asterisk_does(
    client: Client, method: str, path: str, params: dict[str, str], status: int, message: str
) -> None:
    call = await call_on(client)
    await client.ask("POST", "/bridges/room", type="mixing")
    fill = {"customer": call.customer.id}
    given = {name: value.format_map(fill) for name, value in params.items()}
    assert await client.ask(method, path.format_map(fill), **given) == (status, {"message": message})


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


async def test_an_agent_who_is_unplugged_is_not_reached(client: Client) -> None:
    customer, agent = client.simulator.phones["PJSIP/customer1"], client.simulator.phones["PJSIP/agent1"]
    agent.registered = False
    await client.listen()
    call = Call(client.simulator.exchange, customer, [agent], queue=None)
    await client.until("Dial", dialstatus="CHANUNAVAIL")
    assert call.agent is None


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


async def supervise(client: Client, agent: str, whisper: str) -> None:
    await client.listen()
    await client.ask("POST", "/channels", endpoint="PJSIP/supervisor1", app="test", channelId="sup")
    await client.until("StasisStart", id="sup")
    await client.ask("POST", "/bridges/room", type="mixing,dtmf_events")
    await client.ask("POST", f"/channels/{agent}/snoop", app="test", spy="both", whisper=whisper, snoopId="ear")
    await client.until("StasisStart", id="ear")
    await client.ask("POST", "/bridges/room/addChannel", channel="sup,ear")
    await client.simulator.advance(1.0)


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
