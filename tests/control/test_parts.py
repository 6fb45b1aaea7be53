"""Parts end in reverse order; a part that hangs or fails keeps no other from its end."""

import asyncio

import pytest

from callguard.control import parts as module
from callguard.control.parts import Parts


def failures() -> tuple[list[tuple[str, str]], Parts]:
    told: list[tuple[str, str]] = []
    return told, Parts(lambda part, error: told.append((part, str(error))))


async def test_parts_stop_in_reverse_order_and_one_that_fails_stops_no_other() -> None:
    _, parts = failures()
    stopped: list[str] = []

    async def stop(name: str) -> None:
        stopped.append(name)
        if name == "second":
            raise OSError("can't be closed")

    for name in ("first", "second", "third"):
        parts.on_stop(name, lambda name=name: stop(name))
    await parts.stop()
    assert stopped == ["third", "second", "first"]


async def test_a_part_that_does_not_stop_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.05)
    _, parts = failures()
    stopped: list[str] = []

    async def hangs() -> None:
        await asyncio.sleep(60)

    async def stops() -> None:
        stopped.append("first")

    parts.on_stop("first", stops)
    parts.on_stop("second", hangs)
    async with asyncio.timeout(2):
        await parts.stop()
    assert stopped == ["first"]


async def test_a_kept_part_that_fails_is_told_and_one_that_is_stopped_is_not() -> None:
    told, parts = failures()

    async def fails() -> None:
        raise ValueError("broken")

    async def runs() -> None:
        await asyncio.Event().wait()

    parts.keep("ari", fails())
    parts.keep("watchdog", runs())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await parts.stop()
    assert told == [("ari", "broken")]
