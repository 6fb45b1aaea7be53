"""Effects are carried out side by side; what fails is counted and holds up nothing."""

import asyncio
from collections import Counter
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from callguard.alerts.effects import PromptAgent, RingSupervisors, SendTo, StopRinging
from callguard.asterisk.supervision.session import SupervisionError
from callguard.config import Notify
from callguard.contracts.events import Envelope
from callguard.control.effects import EffectRunner, build_receivers
from callguard.notify.receiver import Receiver
from tests.support.events import alert_fired
from tests.support.smtp import smtp_sink

RING = RingSupervisors(alert="a1", call="c1", supervisors=("Ann", "Gone"), tier=1, mode="whisper", timeout_s=15)


class Floor:
    """Paging that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.breaks: Exception | None = None
        self.rings = asyncio.Event()

    async def ring(self, effect: RingSupervisors) -> None:
        self.asked.append(("ring", effect))
        if self.breaks:
            raise self.breaks
        await self.rings.wait()

    async def stop(self, alert: str) -> None:
        self.asked.append(("stop", alert))

    async def prompt(self, effect: PromptAgent) -> None:
        self.asked.append(("prompt", effect))


@pytest.fixture
def outcomes() -> Counter[tuple[str, str]]:
    return Counter()


def runner(floor: Floor, outcomes: Counter[tuple[str, str]]) -> EffectRunner:
    def count(receiver: str, outcome: str) -> None:
        outcomes[receiver, outcome] += 1

    paging: Any = floor
    return EffectRunner("n1", paging, count)


async def test_ringing_holds_up_neither_prompt_nor_stop(outcomes: Counter[tuple[str, str]]) -> None:
    floor = Floor()
    running = runner(floor, outcomes)
    running.carry_out([RING, PromptAgent(alert="a1", call="c1", prompt="slow_down"), StopRinging(alert="a1")])
    await asyncio.sleep(0.01)
    await running.stop()

    assert [name for name, _ in floor.asked] == ["ring", "prompt", "stop"]
    assert outcomes == {("prompt", "sent"): 1, ("ring", "sent"): 1}


async def test_a_ring_that_breaks_is_counted(outcomes: Counter[tuple[str, str]]) -> None:
    floor = Floor()
    floor.breaks = ZeroDivisionError()
    running = runner(floor, outcomes)
    running.carry_out([RING])
    await asyncio.sleep(0.01)
    await running.stop()

    assert outcomes == {("ring", "failed"): 1}


async def test_an_unknown_way_is_counted(outcomes: Counter[tuple[str, str]]) -> None:
    runner(Floor(), outcomes).carry_out([SendTo(way="webhook:gone", event=alert_fired())])

    assert outcomes == {("unknown", "failed"): 1}


async def test_a_receiver_that_never_answers_delays_no_other(
    outcomes: Counter[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One webhook hangs; mail, queue_log and the other webhook have their alert at once."""
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
        floor = Floor()
        ways = build_receivers(notify, "n1", session, ami, lambda way, outcome: outcomes.update([(way, outcome)]))
        assert set(ways) == {"webhook:hangs", "webhook:takes", "email:floor", "queue_log"}
        running = runner(floor, outcomes)
        running.start(ways)
        running.carry_out(SendTo(way=name, event=alert_fired()) for name in ways)
        async with asyncio.timeout(5):
            while not (got and lines and sink.messages):
                await asyncio.sleep(0.01)
        release.set()
        await running.stop(grace_s=5)

    assert outcomes == {(name, "sent"): 1 for name in ways}


async def test_ways_come_and_go_and_what_a_gone_one_holds_is_delivered(outcomes: Counter[tuple[str, str]]) -> None:
    sent: list[str] = []

    def way(name: str, label: str) -> Receiver:
        async def send(_: Envelope) -> None:
            await asyncio.sleep(0.01)
            sent.append(label)

        return Receiver(name, send, lambda *_: None)

    running = runner(Floor(), outcomes)
    running.start({"webhook:gone": way("webhook:gone", "gone"), "cel": way("cel", "old")})
    running.carry_out([SendTo("webhook:gone", alert_fired())])
    running.replace({"cel": way("cel", "new"), "webhook:new": way("webhook:new", "added")})
    running.carry_out([SendTo(name, alert_fired()) for name in ("cel", "webhook:new", "webhook:gone")])
    await asyncio.sleep(0.1)
    await running.stop()

    assert sorted(sent) == ["added", "gone", "new"]
    assert outcomes == {("unknown", "failed"): 1}


@pytest.mark.parametrize(
    ("error", "level"), [(SupervisionError("no_answer"), "info"), (ZeroDivisionError("our mistake"), "warning")]
)
async def test_a_ring_that_nobody_answers_is_no_warning(
    outcomes: Counter[tuple[str, str]], error: Exception, level: str
) -> None:
    floor = Floor()
    floor.breaks = error
    running = runner(floor, outcomes)
    with capture_logs() as said:
        running.carry_out([RING])
        while not outcomes:
            await asyncio.sleep(0)
    assert [(line["event"], line["log_level"]) for line in said] == [("effect_failed", level)]
