"""Webhooks reach a real HTTP server, signed; its answers decide what happens next."""

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from callguard.config import Secret, Webhook
from callguard.contracts.events import envelope
from callguard.notify.receiver import RefusedError, UndeliverableError
from callguard.notify.signature import HEADER, is_valid
from callguard.notify.webhook import WebhookSender
from tests.support.events import alert_fired

KEY = "hook-key"


class Hook:
    """An HTTP receiver that answers with `status` and keeps what came."""

    def __init__(self) -> None:
        self.status = 204
        self.requests: list[tuple[dict[str, str], bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status, headers={"Location": "/elsewhere"} if self.status == 302 else None)


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest.fixture
async def sender(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., WebhookSender]]:
    app = web.Application()
    app.router.add_post("/hook/secret-path", hook.take)
    server = TestServer(app)
    await server.start_server()
    monkeypatch.setenv("HOOK_URL", str(server.make_url("/hook/secret-path")))
    monkeypatch.setenv("HOOK_KEY", KEY)
    async with aiohttp.ClientSession() as session:

        def make(**options: Any) -> WebhookSender:
            config = Webhook(url=Secret(env="HOOK_URL"), signing_key=Secret(env="HOOK_KEY"), **options)
            return WebhookSender(config, session)

        yield make
    await server.close()


async def test_the_body_arrives_signed(sender: Callable[..., WebhookSender], hook: Hook) -> None:
    sent = envelope(alert_fired(queue="Größe"), "n1")
    await sender()(sent)

    ((headers, body),) = hook.requests
    assert body.decode() == sent.to_json()
    assert headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    assert is_valid(KEY, body, headers[HEADER], int(time.time()))


async def test_styles_differ(sender: Callable[..., WebhookSender], hook: Hook) -> None:
    await sender(style="slack")(envelope(alert_fired(), "n1"))

    assert b'"blocks"' in hook.requests[0][1]


@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
async def test_refused_for_good(sender: Callable[..., WebhookSender], hook: Hook, status: int) -> None:
    hook.status = status
    with pytest.raises(UndeliverableError, match=f"HTTP {status}"):
        await sender()(envelope(alert_fired(), "n1"))
    assert len(hook.requests) == 1


@pytest.mark.parametrize("status", [302, 401, 403, 404, 408, 429, 500, 503])
async def test_refused_for_now(sender: Callable[..., WebhookSender], hook: Hook, status: int) -> None:
    """Also what an operator may repair: a key that expired, a proxy that lost its server."""
    hook.status = status
    with pytest.raises(RefusedError, match=f"HTTP {status}") as caught:
        await sender()(envelope(alert_fired(), "n1"))
    assert not isinstance(caught.value, UndeliverableError)
    assert len(hook.requests) == 1
