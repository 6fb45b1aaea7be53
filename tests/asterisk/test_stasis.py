"""Cleaning up whatever happens."""

import asyncio

import pytest

from callguard.asterisk.errors import ServerError
from callguard.asterisk.stasis import quietly


async def test_a_failing_request_of_a_clean_up_stops_none_of_the_others() -> None:
    done: list[str] = []

    async def fail() -> None:
        raise ServerError("DELETE /ari/bridges/b: 500")

    async def succeed() -> None:
        done.append("b")

    await quietly(fail(), succeed())
    assert done == ["b"]


async def test_a_clean_up_that_is_cancelled_before_its_requests_began_makes_them_all() -> None:
    done: list[str] = []

    async def request(name: str) -> None:
        await asyncio.sleep(0)
        done.append(name)

    cleaning = asyncio.create_task(quietly(request("a"), request("b")))
    asyncio.get_running_loop().call_soon(cleaning.cancel)
    with pytest.raises(asyncio.CancelledError):
        await cleaning
    assert done == ["a", "b"]
