"""A screen gets the latest board, never a queue of old ones."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from callguard.bus.overview import Overview
from callguard.console import feed as feed_module
from callguard.console.feed import Feed
from callguard.contracts.events import published
from tests.support.events import call_started

Screen = AsyncIterator[bytes]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "LEAST_INTERVAL_S", 0.02)
    monkeypatch.setattr(feed_module, "SIGNALS_INTERVAL_S", 0.05)


async def chunk(screen: Screen, timeout_s: float = 2.0) -> str:
    return (await asyncio.wait_for(anext(screen), timeout_s)).decode()


async def drain(screen: Screen) -> list[bytes]:
    return [chunk async for chunk in screen]


async def test_a_new_screen_gets_the_present_board_at_once() -> None:
    overview = Overview()
    overview.apply(published(call_started("c1"), "n1"))
    text = await chunk(Feed(overview).follow())
    assert text.startswith("event: board\ndata: {")
    assert text.endswith("\n\n")
    assert text.count("\n") == 3
    assert [call["call"] for call in json.loads(text.split("data: ")[1])["calls"]] == ["c1"]


async def test_many_changes_make_one_board_with_the_latest_state() -> None:
    overview = Overview()
    feed = Feed(overview)
    screen = feed.follow()
    await chunk(screen)
    for number in range(5):
        overview.apply(published(call_started(f"c{number}"), "n1"))
        feed.change()
    text = await chunk(screen)
    assert len(json.loads(text.split("data: ")[1])["calls"]) == 5
    with pytest.raises(TimeoutError):
        await chunk(screen, 0.1)


async def test_a_board_is_made_once_for_all_screens(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr(feed_module, "board", lambda *_: made.append(None) or {})
    feed = Feed(Overview())
    for screen in (feed.follow(), feed.follow()):
        await chunk(screen)
    assert len(made) == 1
    feed.change()
    assert feed.text() == "{}"
    assert len(made) == 2


async def test_signals_are_pushed_together_after_a_while() -> None:
    feed = Feed(Overview())
    screen = feed.follow()
    await chunk(screen)
    for _ in range(3):
        feed.change_soon()
    began = asyncio.get_running_loop().time()
    await chunk(screen)
    assert asyncio.get_running_loop().time() - began >= 0.02
    with pytest.raises(TimeoutError):
        await chunk(screen, 0.15)


async def test_signals_that_come_later_are_pushed_again() -> None:
    feed = Feed(Overview())
    screen = feed.follow()
    await chunk(screen)
    for _ in range(2):
        feed.change_soon()
        await chunk(screen)


async def test_a_quiet_floor_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "KEEP_ALIVE_S", 0.02)
    screen = Feed(Overview()).follow()
    await chunk(screen)
    for _ in range(2):
        assert await chunk(screen) == "event: alive\ndata: 1\n\n", "a comment would reach no script"


async def test_closing_ends_every_screen_and_pushes_nothing_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "SIGNALS_INTERVAL_S", 10.0)
    feed = Feed(Overview())
    screens = [feed.follow(), feed.follow()]
    for screen in screens:
        await chunk(screen)
    feed.change_soon()
    rest = [asyncio.create_task(drain(screen)) for screen in screens]
    await asyncio.sleep(0.03)
    feed.close()
    assert all(len(chunks) <= 1 for chunks in await asyncio.wait_for(asyncio.gather(*rest), 2))
    assert feed._soon is not None
    assert feed._soon.cancelled()
