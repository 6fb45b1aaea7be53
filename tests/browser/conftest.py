"""A page on a console, in a real browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page

from callguard.contracts.events import NodeStarted
from tests.support.console import RunningConsole, running_console
from tests.support.screen import screen


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningConsole]:
    async with running_console(monkeypatch) as desk:
        desk.publish(NodeStarted(node="n1"))
        yield desk


@pytest.fixture
async def page(desk: RunningConsole) -> AsyncIterator[Page]:
    """A page on the console; an error or a refused resource in it fails the test."""
    async with screen() as page:
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        await page.goto(desk.console.url)
        await page.get_by_text("Live", exact=True).wait_for()
        yield page
        expected = ("401 (Unauthorized)", "403 (Forbidden)", "409 (Conflict)")
        expected += ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")
        assert [text for text in complaints if not any(words in text for words in expected)] == []
