"""A supervisor's phone is rung for a test, hears something, and is released, whatever happens."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from callguard.config import AsteriskConfig, Config
from callguard.doctor.findings import Finding
from callguard.setup import ring as module
from callguard.setup.ring import ring_test
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari


class Phone:
    """What the phone does: answers, or ends with a cause; whether Asterisk has the prompts."""

    def __init__(self, ari: FakeAri) -> None:
        self.ari = ari
        self.cause: int | None = None
        self.has_prompts = True
        self._tasks: set[asyncio.Task[None]] = set()
        ari.after = self._follow

    def _follow(self, request: web.Request) -> None:
        path, query = request.path.removeprefix("/ari"), request.query
        if path == "/channels" and request.method == "POST":
            kind = "StasisStart" if self.cause is None else "ChannelDestroyed"
            self._tell(type=kind, channel={"id": query["channelId"], "name": "PJSIP/301-1"}, cause=self.cause, args=[])
        elif "/play/" in path:
            done = self.has_prompts or query["media"].startswith("tone:")
            playback = {"id": path.rsplit("/", 1)[-1], "state": "done" if done else "failed"}
            self._tell(type="PlaybackFinished", playback=playback)

    def _tell(self, **event: object) -> None:
        told = self.ari.tell(timestamp="2026-01-01T00:00:00.000+0000", application="x", **event)
        task = asyncio.get_running_loop().create_task(told)
        self._tasks.add(task)

    def played(self) -> list[str]:
        return [query["media"] for _, path, query in self.ari.requests if "/play/" in path]


@pytest_asyncio.fixture
async def phone(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Phone]:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    monkeypatch.setattr(module, "WAIT_S", 2.0)
    async with fake_ari() as ari:
        yield Phone(ari)


async def ring(phone: Phone) -> Finding:
    config = Config(asterisk=AsteriskConfig(ari=phone.ari.config()))
    return await ring_test(config, "PJSIP/301", timeout_s=1)


async def test_a_phone_that_answers_hears_a_sentence_and_is_released(phone: Phone) -> None:
    finding = await ring(phone)
    assert finding.level == "ok"
    assert "answered after" in finding.text
    assert phone.played() == [module.PROMPT]
    assert [call for call in phone.ari.calls() if call.startswith("DELETE /channels/callguard-doctor-")]


async def test_without_the_prompts_it_hears_a_tone(phone: Phone) -> None:
    phone.has_prompts = False
    assert (await ring(phone)).level == "ok"
    assert phone.played() == [module.PROMPT, module.TONE]


@pytest.mark.parametrize(("cause", "why"), [(17, "busy"), (19, "no answer"), (20, "unreachable")])
async def test_a_phone_that_does_not_answer_is_told_with_the_reason(phone: Phone, cause: int, why: str) -> None:
    phone.cause = cause
    finding = await ring(phone)
    assert finding.level == "warning"
    assert why in finding.text


async def test_an_endpoint_that_asterisk_refuses_is_an_error(phone: Phone) -> None:
    phone.ari.answer("POST", "/channels", {"message": "Allocation failed"}, status=500)
    finding = await ring(phone)
    assert finding.level == "error"
    assert "PJSIP/301" in finding.text
    assert "check --pbx" in finding.advice
