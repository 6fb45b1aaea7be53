"""Which phones hold is read where no event told it, and an event that comes meanwhile wins."""

from typing import Any

import pytest

from callguard.asterisk.events import Bridge, Channel, ChannelHold, ChannelUnhold
from callguard.asterisk.holds import read_holds
from tests.asterisk.discovery.test_calls import call
from tests.asterisk.harness.stasis import stasis

CUSTOMER, AGENT = Channel("c", "PJSIP/trunk-1"), Channel("a", "PJSIP/mia-1")
OTHERS = (Channel("l", "Local/201@phones-1;1"), Channel("w", "PJSIP/alone-1"))
PRESENT = ((CUSTOMER, AGENT, *OTHERS), (Bridge("b", ("c", "a", "l")),))


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


async def told(answers: dict[str, Any], held_by: tuple[Any, ...] = ()) -> list[tuple[type, str]]:
    seen: list[Any] = []
    async with stasis() as (fake, ari, watch, _):
        for channel, value in answers.items():
            status = 500 if value is None else 200
            fake.answer("GET", f"/channels/{channel}/variable", {"value": value, "message": "x"}, status)
        await read_holds(ari, watch, PRESENT, {"1.1": call(held_by=frozenset(held_by))}, seen.append)
        assert {path.split("/")[2] for _, path, _ in fake.requests} == {"c", "a"}, "phones in a bridge alone"
    return [(type(event), event.channel.id) for event in seen]


async def test_a_phone_that_holds_unseen_is_told() -> None:
    assert await told({"c": "1", "a": "0"}) == [(ChannelHold, "c")]


async def test_a_hold_that_ended_unseen_is_told() -> None:
    assert await told({"c": "0", "a": "0"}, ("customer", "agent")) == [(ChannelUnhold, "c"), (ChannelUnhold, "a")]


async def test_what_is_known_or_can_not_be_read_changes_nothing() -> None:
    assert await told({"c": "1", "a": None}, ("customer", "agent")) == []
    assert await told({"c": "", "a": "?"}, ("customer", "agent")) == []


async def test_an_event_that_comes_meanwhile_is_newer_than_the_answer() -> None:
    seen: list[Any] = []
    async with stasis() as (fake, ari, watch, _):
        fake.answer("GET", "/channels/c/variable", {"value": "1"})
        fake.answer("GET", "/channels/a/variable", {"value": "0"})
        fake.after = lambda request: watch.see(ChannelUnhold(0.0, CUSTOMER))
        await read_holds(ari, watch, PRESENT, {}, seen.append)
    assert seen == []
