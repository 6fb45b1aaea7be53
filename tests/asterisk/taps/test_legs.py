"""Which legs are tapped, and what their worker is told, as calls change - on a fake ARI."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.taps import legs as module
from callguard.asterisk.taps.legs import Legs
from callguard.asterisk.taps.tap import TapKit
from callguard.config import Media
from callguard.contracts.messages import CallFacts, CloseCall, CloseLeg, LegConnected, OpenLeg
from tests.asterisk.harness.stasis import stasis

CALL = Call(
    id="c1", customer="customer", customer_channel="PJSIP/customer-1", agent="agent", agent_channel="PJSIP/agent-1",
    member="Mia", interface="PJSIP/agent", queue=None, wait_s=None, mode="raised_voice", started_at=0.0,
)  # fmt: skip


class Bench:
    """A media plane whose legs connect at once, and the legs of one call."""

    def __init__(self) -> None:
        self.calls = {"c1": CALL}
        self.said: list[Any] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.legs: Legs

    async def open_leg(self, leg: OpenLeg) -> int:
        self.said.append(leg)
        asyncio.get_running_loop().call_later(0.02, self.legs.hear, LegConnected(leg.leg))
        return 9092

    def send(self, call: str, message: CallFacts | CloseCall | CloseLeg) -> None:
        self.said.append(message)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]

    def change(self, **facts: Any) -> Call:
        self.calls["c1"] = replace(self.calls["c1"], **facts)
        return self.calls["c1"]

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(3):
            while not condition():
                await asyncio.sleep(0.01)


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    monkeypatch.setattr(module, "SETTLE_S", 0.1)
    made = Bench()
    async with stasis() as (_, ari, watch, reconciler):
        kit = TapKit(ari, watch, reconciler, made, Media(connect_timeout_s=1), lambda event: None)
        made.legs = Legs(kit, made.calls, lambda call: "de", lambda work: made.tasks.add(asyncio.create_task(work)))
        made.legs.follow(CALL)
        await made.until(lambda: len(made.of(OpenLeg)) == 2)
        yield made
        await made.legs.close()
        await asyncio.gather(*made.tasks)


async def test_both_legs_of_a_call_are_tapped_and_its_facts_go_first(bench: Bench) -> None:
    assert bench.legs.tapped == {("c1", "customer"), ("c1", "agent")}
    assert isinstance(bench.said[0], CallFacts)
    assert bench.said[0].language == "de"


async def test_a_consultation_is_not_tapped_and_the_agent_again_only_once_it_has_settled(bench: Bench) -> None:
    bench.legs.follow(bench.change(together=False))
    assert bench.legs.tapped == {("c1", "customer")}
    bench.legs.follow_anew(bench.change(together=True))
    assert bench.legs.tapped == {("c1", "customer")}
    await bench.until(lambda: len(bench.of(OpenLeg)) == 3)
    assert bench.of(OpenLeg)[-1].role == "agent"


async def test_what_an_agent_asked_for_is_told_until_the_call_is_over(bench: Bench) -> None:
    bench.legs.request("c1", 2)
    assert bench.of(CallFacts)[-1].agent_request == 2
    bench.legs.drop(CALL)
    assert bench.legs.tapped == set()
    await bench.until(lambda: len(bench.of(CloseLeg)) == 2)
    assert bench.of(CloseCall) == [CloseCall("c1")]
    bench.legs.follow(CALL)
    assert bench.of(CallFacts)[-1].agent_request == 0


async def test_a_call_that_is_not_judged_is_neither_tapped_nor_told_of(bench: Bench) -> None:
    before = len(bench.of(CallFacts))
    bench.legs.follow(bench.change(mode="off"))
    assert bench.legs.tapped == set()
    assert len(bench.of(CallFacts)) == before


async def test_the_first_tap_of_a_call_waits_and_later_ones_do_not(bench: Bench) -> None:
    bench.legs.delay_s = 0.3
    other = replace(CALL, id="c2", customer="c2", agent="a2")
    bench.calls["c2"] = other
    bench.legs.follow(other)
    bench.legs.follow(other)
    await asyncio.sleep(0.1)
    assert len(bench.of(OpenLeg)) == 2, "only the first call's"
    assert [facts.call for facts in bench.of(CallFacts)].count("c2") == 2, "its worker knows it already"
    await bench.until(lambda: len(bench.of(OpenLeg)) == 4)
    bench.calls["c2"] = replace(other, together=False)
    bench.legs.follow(bench.calls["c2"])
    bench.legs.follow(other)
    await asyncio.sleep(0.1)
    assert len(bench.of(OpenLeg)) == 5


async def test_a_call_that_is_over_before_its_first_tap_is_never_tapped(bench: Bench) -> None:
    bench.legs.delay_s = 0.1
    other = replace(CALL, id="c2", customer="c2", agent="a2")
    bench.legs.follow(other)
    bench.legs.drop(other)
    await asyncio.sleep(0.2)
    assert len(bench.of(OpenLeg)) == 2
