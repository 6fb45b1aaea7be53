"""The ARI client: typed errors, a limit on every call, a socket that comes back, secrets that never show."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import structlog
from aiohttp import web
from tenacity import AsyncRetrying, Future, RetryCallState

from callguard.asterisk import client as module
from callguard.asterisk.client import EVERYTHING, HUNG_MAX_S, ApplicationTakenError, AriClient, Connected, Disconnected
from callguard.asterisk.errors import (
    AriError,
    ConflictError,
    NotFoundError,
    RefusedError,
    ServerError,
    UnprocessableError,
    UnreachableError,
)
from callguard.asterisk.events import PARSERS, Bridge, Channel, ChannelDestroyed
from callguard.config import Ari
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari

SECRET = "s3cret-of-ari"
CHANNEL = {"id": "1.1", "name": "PJSIP/a-1", "state": "Up"}


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", SECRET)


@pytest.fixture
async def fake() -> AsyncIterator[FakeAri]:
    async with fake_ari() as running:
        yield running


@pytest.fixture
async def ari(fake: FakeAri) -> AsyncIterator[AriClient]:
    async with AriClient(fake.config(timeout_s=0.5)) as running:
        yield running


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, RefusedError),
        (403, RefusedError),
        (404, NotFoundError),
        (409, ConflictError),
        (422, UnprocessableError),
        (500, ServerError),
        (503, ServerError),
    ],
)
async def test_each_status_is_an_error_of_its_own_kind(
    fake: FakeAri, ari: AriClient, status: int, kind: type[AriError]
) -> None:
    fake.answer("GET", "/channels/1.1", {"message": "because"}, status)
    with pytest.raises(kind, match=r"GET /ari/channels/1\.1: .*because") as error:
        await ari.channel("1.1")
    assert error.value.status == status


async def test_an_answer_that_does_not_come_is_given_up_in_time(fake: FakeAri, ari: AriClient) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    fake.answers["GET", "/channels"] = never
    with pytest.raises(UnreachableError, match="no answer in 0"):
        await asyncio.wait_for(ari.channels(), 2)


async def test_no_connection_and_a_closed_client_are_unreachable(fake: FakeAri) -> None:
    config = fake.config().model_copy(update={"url": "http://127.0.0.1:1"})
    async with AriClient(config) as ari:
        with pytest.raises(UnreachableError):
            await ari.channels()
    with pytest.raises(UnreachableError, match="closed"):
        await ari.channels()


@pytest.mark.parametrize("body", [{"no": "list"}, [1], [{"id": 5}], "text"])
async def test_an_answer_that_is_not_aris_is_a_server_error(fake: FakeAri, ari: AriClient, body: object) -> None:
    fake.answer("GET", "/channels", body)
    with pytest.raises(ServerError):
        await ari.channels()


async def test_an_answer_that_is_no_json_is_a_server_error(fake: FakeAri, ari: AriClient) -> None:
    async def garbage(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>")

    fake.answers["GET", "/bridges"] = garbage
    with pytest.raises(ServerError, match="no JSON"):
        await ari.bridges()


async def test_what_is_gone_needs_no_removal(fake: FakeAri, ari: AriClient) -> None:
    for path in ("/channels/c", "/bridges/b", "/playbacks/p"):
        fake.answer("DELETE", path, {"message": "not found"}, 404)
    await ari.hang_up("c")
    await ari.destroy_bridge("b")
    await ari.stop_playback("p")


async def test_an_unset_variable_is_empty_but_a_gone_channel_is_an_error(fake: FakeAri, ari: AriClient) -> None:
    fake.answer("GET", "/channels/1.1/variable", {"message": "no"}, 404)
    fake.answer("GET", "/channels/1.1", CHANNEL)
    assert await ari.variable("1.1", "CALLGUARD") == ""
    fake.answer("GET", "/channels/1.1", {"message": "no"}, 404)
    with pytest.raises(NotFoundError):
        await ari.variable("1.1", "CALLGUARD")


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ({"UNICASTRTP_LOCAL_ADDRESS": "192.0.2.7", "UNICASTRTP_LOCAL_PORT": "15960"}, ("192.0.2.7", 15960)),
        ({"UNICASTRTP_LOCAL_ADDRESS": "::1", "UNICASTRTP_LOCAL_PORT": "15960"}, ("::1", 15960)),
        ({"UNICASTRTP_LOCAL_ADDRESS": "192.0.2.7"}, None),
        ({"UNICASTRTP_LOCAL_ADDRESS": "0.0.0.0", "UNICASTRTP_LOCAL_PORT": "15960"}, None),
        ({"UNICASTRTP_LOCAL_ADDRESS": "pbx", "UNICASTRTP_LOCAL_PORT": "15960"}, None),
        ({"UNICASTRTP_LOCAL_ADDRESS": "192.0.2.7", "UNICASTRTP_LOCAL_PORT": "x"}, None),
        (None, None),
    ],
)
async def test_where_rtp_comes_from_is_read_from_the_new_channel(
    fake: FakeAri, ari: AriClient, answer: object, source: tuple[str, int] | None
) -> None:
    fake.answer("POST", "/channels/externalMedia", {"id": "m", "channelvars": answer})
    assert await ari.external_media("m", host="127.0.0.1:20000", codec="slin") == source
    fake.answer("POST", "/channels/externalMedia", [])
    assert await ari.external_media("m", host="127.0.0.1:20000", codec="slin") is None


async def test_lists_are_typed_and_ids_are_quoted(fake: FakeAri, ari: AriClient) -> None:
    fake.answer("GET", "/channels", [CHANNEL])
    fake.answer("GET", "/bridges", [{"id": "b", "channels": ["1.1"]}])
    assert await ari.channels() == [Channel("1.1", "PJSIP/a-1", "Up")]
    assert await ari.bridges() == [Bridge("b", ("1.1",))]
    await ari.hang_up("odd/id?x")
    assert fake.requests[-1][:2] == ("DELETE", "/channels/odd/id?x"), "one path segment, decoded by the server"


async def test_a_change_is_seen_through_when_its_caller_is_cancelled(fake: FakeAri, ari: AriClient) -> None:
    """Otherwise a clean-up could run before Asterisk has made what is to be cleaned up."""
    made = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        made.set()
        return web.Response(status=204)

    fake.answers["POST", "/bridges/b"] = slow
    task = asyncio.create_task(ari.create_bridge("b"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert made.is_set()


async def test_events_are_filtered_and_subscribed_before_the_first_is_given(fake: FakeAri, ari: AriClient) -> None:
    events = ari.events()
    assert isinstance(await anext(events), Connected)
    assert [request[:2] for request in fake.requests] == [
        ("PUT", "/applications/callguard/eventFilter"),
        ("POST", "/applications/callguard/subscription"),
    ]
    assert fake.requests[1][2] == {"eventSource": EVERYTHING}
    await fake.sockets[0].send_str("{broken")
    await fake.tell(type="Unheard")
    await fake.tell(type="ChannelDestroyed", timestamp="2026-11-22T05:21:07.623+0000", channel=CHANNEL, cause=17)
    event = await anext(events)
    assert isinstance(event, ChannelDestroyed)
    assert ari.reader.dropped == {"malformed": 1, "unknown": 1}
    await events.aclose()


async def test_the_socket_comes_back_by_itself(fake: FakeAri, ari: AriClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECONNECT_MAX_S", 0.1)
    events = ari.events()
    await anext(events)
    fake.refuse_sockets = 3
    await fake.cut()
    assert isinstance(await anext(events), Disconnected)
    assert isinstance(await asyncio.wait_for(anext(events), 5), Connected)
    assert fake.connections == 5
    await events.aclose()


async def test_a_connect_that_hangs_is_told_and_tried_more_and_more_rarely(
    fake: FakeAri, ari: AriClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ARI is locked up, each connect keeps one of Asterisk's HTTP sessions."""
    pauses: list[float] = []

    async def never() -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(ari, "_open_socket", never)
    monkeypatch.setattr(ari, "_log_attempt", lambda state: pauses.append(module._pause(state)))
    waiting = asyncio.create_task(anext(ari.events()))  # type: ignore[arg-type]
    await asyncio.sleep(1.3)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    trouble = ari.health.trouble(time.monotonic() + 10)
    assert trouble
    assert (trouble.kind, trouble.answer) == ("hangs", "GET /ari/events: no answer in 0.5 s")
    assert pauses
    assert pauses[0] >= 2.0


def test_pauses_grow_longer_where_connects_hang_than_where_they_are_refused() -> None:
    def pause(error: Exception, attempt: int) -> float:
        state = RetryCallState(AsyncRetrying(), None, (), {})
        state.attempt_number = attempt
        future = Future(attempt)
        future.set_exception(error)
        state.outcome = future
        return module._pause(state)

    hung, refused = UnreachableError("x", hangs=True), UnreachableError("x")
    assert [pause(hung, n) // 1 for n in (1, 2, 3, 9)] == [2, 4, 8, HUNG_MAX_S]
    assert pause(refused, 1) < 0.5
    assert 5.0 <= pause(refused, 20) <= 5.2


async def test_a_module_that_is_missing_or_not_running_is_lacking(fake: FakeAri, ari: AriClient) -> None:
    path = "/asterisk/modules/func_timeout.so"
    fake.answer("GET", path, {"name": "func_timeout.so", "status": "Running"})
    assert not await ari.lacks_module("func_timeout.so")
    fake.answer("GET", path, {"name": "func_timeout.so", "status": "Not Running"})
    assert await ari.lacks_module("func_timeout.so")
    fake.answer("GET", path, {"message": "no"}, 404)
    assert await ari.lacks_module("func_timeout.so")


async def test_health_learns_of_each_answer(fake: FakeAri, ari: AriClient) -> None:
    fake.answer("GET", "/channels", {"message": "Forbidden"}, 401)
    with pytest.raises(RefusedError):
        await ari.channels()
    assert ari.health.trouble(time.monotonic() + 10)
    fake.answer("GET", "/channels", [])
    await ari.channels()
    assert ari.health.trouble(time.monotonic() + 10) is None


@pytest.mark.parametrize("status", [200, 404])
async def test_another_server_than_ari_is_trouble(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<title>router</title>", content_type="text/html", status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("CALLGUARD_ARI_PASSWORD", SECRET)
    async with AriClient(Ari(url=f"http://127.0.0.1:{runner.addresses[0][1]}")) as ari:
        with pytest.raises(AriError):
            await ari.channels()
        connecting = asyncio.create_task(ari._connect())
        await asyncio.sleep(0.1)
        with pytest.raises(AriError):
            await ari.channels()
        connecting.cancel()
        trouble = ari.health.trouble(time.monotonic() + 10)
    await runner.cleanup()
    assert trouble
    assert trouble.kind == "foreign"


async def test_a_taken_application_is_fatal_and_says_what_to_do(fake: FakeAri, ari: AriClient) -> None:
    events = ari.events()
    await anext(events)
    await fake.tell(type="ApplicationReplaced", application="callguard")
    with pytest.raises(ApplicationTakenError, match=r"'callguard'.*asterisk\.ari\.app"):
        await anext(events)


async def test_the_password_shows_nowhere_but_in_the_header(fake: FakeAri, ari: AriClient) -> None:
    fake.answer("GET", "/channels", {"message": "Forbidden"}, 403)
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(RefusedError) as error:
            await ari.channels()
        fake.refuse_sockets = 1
        events = ari.events()
        await anext(events)
        await events.aclose()
    assert logs
    shown = f"{error.value!r} {error.value} {ari!r} {vars(ari)} {logs} {fake.requests}"
    assert SECRET not in shown
    assert fake.authorizations == {"Basic " + __import__("base64").b64encode(f"callguard:{SECRET}".encode()).decode()}


async def test_a_refused_password_is_one_error_in_the_log_with_what_to_do(fake: FakeAri, ari: AriClient) -> None:
    fake.refuse_sockets, fake.refusal = 3, 401
    with structlog.testing.capture_logs() as logs:
        events = ari.events()
        await anext(events)
        await events.aclose()
    (error,) = [line for line in logs if line["log_level"] == "error"]
    assert (error["event"], error["user"]) == ("ari_refused", "callguard")
    assert "compare asterisk.ari.user and its password with ari.conf" in error["advice"]
    assert [line["event"] for line in logs if line["log_level"] == "info"].count("ari_unreachable") == 2


async def test_an_asterisk_that_still_boots_is_no_error_in_the_log(fake: FakeAri, ari: AriClient) -> None:
    fake.refuse_sockets = 2
    with structlog.testing.capture_logs() as logs:
        events = ari.events()
        await anext(events)
        await events.aclose()
    assert {line["log_level"] for line in logs} == {"info"}


def test_every_event_type_that_is_parsed_is_asked_for() -> None:
    assert "ChannelVarset" in PARSERS
    assert "DeviceStateChanged" not in PARSERS
