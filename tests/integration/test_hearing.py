"""Where a call is not heard, everybody who asks is told: the board, /readyz, metrics, the command line, the stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from callguard.testbed.valkey import free_port
from tests.asterisk.harness.talk import console
from tests.integration.harness.service import Service
from tests.integration.harness.tones import Voices
from tests.support.screen import screen

pytestmark = pytest.mark.browser

DEAD_AIR = """
groups:
  - name: test
    rules:
      - {alert: DeadAir, expr: call.silence_s > 1, labels: {severity: info}, actions: [notify]}
"""
SOON_MS = 15_000


class Desk:
    """The service, its console's address, and a screen on it."""

    def __init__(self, service: Service, url: str, page: Page) -> None:
        self.service, self.url, self.page = service, url, page

    async def ask(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as http, http.get(self.url + path) as answer:
            return answer.status, await answer.text()

    async def ready(self) -> tuple[int, dict[str, Any]]:
        status, text = await self.ask("/readyz")
        return status, json.loads(text)

    async def until_ready(self) -> None:
        async with asyncio.timeout(15):
            while (await self.ready())[0] != 200:
                await asyncio.sleep(0.1)

    async def heading(self, text: str) -> None:
        await expect(self.page.get_by_role("heading", name=text)).to_be_visible(timeout=SOON_MS)

    async def never_quiet(self) -> None:
        await expect(self.page.locator("#quiet")).to_be_hidden()
        assert await self.page.locator("#link").get_attribute("class") == "lost"


@pytest_asyncio.fixture(loop_scope="session")
async def desk(lab: Lab, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    port = free_port()
    async with screen() as page:
        service = Service(lab, redis_url, tmp_path / "service", rules=DEAD_AIR, console={"port": port})
        await service.start()
        desk = Desk(service, f"http://127.0.0.1:{port}", page)
        await page.goto(desk.url)
        await desk.heading("All quiet")
        yield desk
        if service.running:
            await service.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def no_context(lab: Lab) -> AsyncIterator[None]:
    """A dialplan into which nobody included ours."""
    await console(lab, "dialplan remove context callguard-tap")
    yield
    await console(lab, "dialplan reload")


async def talk(lab: Lab, voices: Voices) -> None:
    lab.farm.phone("agent1").voice = voices.tone(1130)
    await lab.farm.phone("customer1").call(QUEUE, voices.tone(560))
    await lab.farm.phone("agent1").answered()


@pytest.mark.usefixtures("no_context")
async def test_a_missing_tap_context_is_told_everywhere_and_mended_by_a_reload(
    lab: Lab, voices: Voices, desk: Desk
) -> None:
    service = desk.service
    await talk(lab, voices)
    deaf = await service.wait_for("node.hearing", 15, heard=0, calls=1)
    assert deaf["data"]["causes"] == {"no_tap": 1}
    (lost,) = service.of("tap.lost", leg="customer")
    assert lost["data"]["reason"] == "dialplan"
    degraded = await service.wait_for("node.degraded")
    assert degraded["data"]["reason"].startswith("taps: 1 of 1 calls are not heard: Asterisk ended the tap")

    await desk.heading("1 of 1 call is not heard")
    await desk.never_quiet()
    await expect(desk.page.locator("#hearing")).to_have_text("hearing 0 of 1 (1 no tap)")
    await expect(desk.page.locator(".chips")).to_contain_text("customer not heard: Asterisk ended the tap in the dial")

    status, facts = await desk.ready()
    assert (status, facts["missing"]) == (503, ["taps"])
    assert facts["hearing"] == {"heard": 0, "calls": 1, "causes": {"no_tap": 1}}
    assert (await desk.ask("/healthz"))[0] == 200
    _, metrics = await desk.ask("/metrics")
    for line in (
        "calls_heard 0.0",
        "calls_present 1.0",
        'calls_unheard{cause="no_tap"} 1.0',
        'degraded{part="taps"} 1.0',
    ):
        assert f"callguard_{line}" in metrics
    status, text = await service.cli("calls")
    assert status == 1
    assert "hearing 0 of 1 (1 no tap)" in text
    status, text = await service.cli("status", "--json")
    assert (status, json.loads(text)["hears"]) == (1, False)
    assert service.of("alert.fired") == [], "who is not heard is not silent"

    await console(lab, "dialplan reload")
    await service.wait_for("node.hearing", 20, since=len(service.events), heard=1, calls=1)
    await desk.until_ready()
    await expect(desk.page.locator("#link")).to_have_text("Live", timeout=SOON_MS)
    assert (await service.cli("calls"))[0] == 0


async def test_an_asterisk_that_is_gone_is_told_everywhere(lab: Lab, voices: Voices, desk: Desk) -> None:
    await talk(lab, voices)
    await desk.service.wait_for("node.hearing", 15, heard=1, calls=1)
    await lab.pbx.kill()
    await desk.service.wait_for("node.degraded", reason="ari")
    await expect(desk.page.locator("#link")).to_contain_text("Out of reach: test: ari", timeout=SOON_MS)
    await desk.never_quiet()
    assert "ari" in (await desk.ready())[1]["missing"]
    assert 'callguard_degraded{part="ari"} 1.0' in (await desk.ask("/metrics"))[1]
    status, text = await desk.service.cli("calls")
    assert status == 1
    assert "ari: away" in text
    await lab.farm.hang_up_all()
    await lab.pbx.restart()
    await desk.until_ready()
    await desk.heading("All quiet")
    async with asyncio.timeout(20):  # the command line knows the node by its last heartbeat
        while await desk.service.cli("calls") != (0, "no calls\nnode test: hearing 0 of 0\n"):
            pass


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_a_service_that_is_gone_is_told_by_the_page_and_the_command_line(desk: Desk, how: str) -> None:
    assert (await desk.service.cli("calls"))[0] == 0
    if how == "killed":
        await desk.service.kill()
        await asyncio.sleep(10.5)
    else:
        await desk.service.stop()
    await desk.heading("The service can't be reached")
    await desk.never_quiet()
    for command in ("calls", "alerts", "watch"):
        assert await desk.service.cli(command) == (1, "")
    known = "node test: no sign of life\n" if how == "killed" else ""
    assert await desk.service.cli("status") == (1, known)
