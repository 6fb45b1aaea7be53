"""ARI answers as Asterisk 22.10.1 does: status codes and words are those of a real one."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.testbed.simulator.harness import (
    PASSWORD,
    Client,
    call_on,
    connected,
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
        (
            "POST", "/channels/{customer}/variable", {"variable": "X", "value": "1"}, 409,
            "Channel not in Stasis application",
        ),
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


async def test_who_runs_and_what_is_loaded_is_told(client: Client) -> None:
    status, info = await client.ask("GET", "/asterisk/info")
    assert (status, info["system"]["version"]) == (200, "22.10.1-simulated")
    modules = [module["name"] for module in (await client.ask("GET", "/asterisk/modules"))[1]]
    assert "app_audiosocket.so" in modules
    assert "bridge_native_rtp.so" not in modules
    assert (await client.ask("GET", "/asterisk/modules/res_ari.so"))[1]["status"] == "Running"


async def test_parameters_may_come_in_the_query_or_in_the_body(client: Client) -> None:
    call = await call_on(client)
    client.simulator.exchange.start_stasis(call.customer, "test")
    path = f"/channels/{call.customer.id}/variable"
    assert (await client.ask("POST", path, {"value": "body"}, variable="A"))[0] == 204
    assert (await client.ask("GET", path, variable="A"))[1] == {"value": "body"}
    assert (await client.ask("POST", path, {"variable": "A", "value": "again"}))[0] == 204
    assert (await client.ask("GET", path, variable="A"))[1] == {"value": "again"}


async def test_subscribing_to_a_kind_without_a_name_is_subscribing_to_all_of_it(client: Client) -> None:
    await client.listen(subscribe_all="false")
    await client.ask("POST", "/applications/test/subscription", eventSource="channel:")
    await call_on(client)
    await client.until("ChannelCreated")
