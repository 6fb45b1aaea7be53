"""A real browser: Debian's chromium, or the one that CALLGUARD_CHROMIUM names."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright

from callguard.contracts.events import NodeStarted
from tests.support.console import RunningConsole, running_console

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningConsole]:
    async with running_console(monkeypatch) as desk:
        desk.publish(NodeStarted(node="n1"))
        yield desk


@pytest.fixture
async def page(desk: RunningConsole) -> AsyncIterator[Page]:
    """A page on the console; an error or a refused resource in it fails the test."""
    chromium = os.environ.get("CALLGUARD_CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        await page.goto(desk.console.url)
        await page.get_by_text("Live", exact=True).wait_for()
        yield page
        await browser.close()
        expected = ("401 (Unauthorized)", "409 (Conflict)", "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")
        assert [text for text in complaints if not any(words in text for words in expected)] == []
