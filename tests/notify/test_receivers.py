"""Each configured receiver is there under its name, by its own settings, and works beside the others."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from callguard.config import Notify
from callguard.contracts.events import envelope
from callguard.notify.receivers import build_receivers
from callguard.runtime.journal import Journal
from tests.support.events import alert_fired
from tests.support.smtp import smtp_sink


async def test_a_receiver_that_never_answers_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One webhook hangs; mail, queue_log and the other webhook have their alert at once."""
    outcomes: Counter[tuple[str, str]] = Counter()
    got: list[bytes] = []
    release = asyncio.Event()

    async def hangs(_: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async def takes(request: web.Request) -> web.Response:
        got.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/hangs", hangs)
    app.router.add_post("/takes", takes)
    lines: list[dict[str, str]] = []

    async def ami(action: dict[str, str]) -> None:
        lines.append(action)

    async with TestServer(app) as server, smtp_sink() as sink, aiohttp.ClientSession() as session:
        monkeypatch.setenv("HANGS", str(server.make_url("/hangs")))
        monkeypatch.setenv("TAKES", str(server.make_url("/takes")))
        notify = Notify.model_validate(
            {
                "webhooks": {"hangs": {"url": {"env": "HANGS"}}, "takes": {"url": {"env": "TAKES"}}},
                "emails": {"floor": {"to": ["floor@example.org"], "port": sink.port, "starttls": False}},
                "queue_log": True,
            }
        )

        def count(receiver: str, outcome: str) -> None:
            outcomes[receiver, outcome] += 1

        receivers = build_receivers(notify, session, ami, None, count, Journal(None))
        assert set(receivers) == {"webhook:hangs", "webhook:takes", "email:floor", "queue_log"}
        for receiver in receivers.values():
            receiver.start()
            receiver.put(envelope(alert_fired(), "n1"))
        async with asyncio.timeout(5):
            while not (got and lines and sink.messages):
                await asyncio.sleep(0.01)
        release.set()
        for receiver in receivers.values():
            await receiver.stop(grace_s=5)

    assert outcomes == {(name, "sent"): 1 for name in receivers}


@pytest.mark.parametrize("wanted", ["queue_log", "user_event", "cel"])
async def test_what_asterisk_takes_needs_both_the_wish_and_the_way(wanted: str) -> None:
    async def ami(action: dict[str, str]) -> None:
        del action

    async def mark(call: str, text: str) -> None:
        del call, text

    def names(notify: Notify, ami: Any, mark: Any) -> set[str]:
        return set(build_receivers(notify, session, ami, mark, lambda *_: None, Journal(None)))

    wish, none = Notify.model_validate({wanted: True}), Notify()
    async with aiohttp.ClientSession() as session:
        assert names(wish, ami, mark) == {wanted}
        assert names(wish, None if wanted != "cel" else ami, None if wanted == "cel" else mark) == set()
        assert names(none, ami, mark) == set()


async def test_each_repeats_and_gives_up_as_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "http://127.0.0.1:9")
    notify = Notify.model_validate(
        {
            "webhooks": {"chat": {"url": {"env": "HOOK"}, "repeat_interval_s": 60}},
            "emails": {"floor": {"to": ["floor@example.org"], "repeat_interval_s": 0}},
            "cel": True,
            "give_up_after_h": 2,
        }
    )

    async def mark(call: str, text: str) -> None:
        del call, text

    async with aiohttp.ClientSession() as session:
        receivers = build_receivers(notify, session, None, mark, lambda *_: None, Journal(None))
    settings = {name: (each._owed.repeat_s, each._owed.give_up_s) for name, each in receivers.items()}
    assert settings == {"webhook:chat": (60, 7200), "email:floor": (0, 7200), "cel": (0, 7200)}
