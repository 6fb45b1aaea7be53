"""Each party's newest baseline is there for its next tap, and for nobody else's."""

import asyncio
import uuid

import pytest

from callguard.contracts.messages import Baseline, CallFacts, OpenLeg
from callguard.history.baselines import KeptBaselines

LEARNT = Baseline(b"sums", 1, 100.0)
NEWER = Baseline(b"more", 1, 105.0)


class Store:
    """What outlives the process, and what was asked of it."""

    def __init__(self, **kept: dict[str, Baseline]) -> None:
        self.kept = kept
        self.asked: list[str] = []
        self.answer = asyncio.Event()
        self.answer.set()

    def start(self) -> None:
        self.asked.append("start")

    async def stop(self) -> None:
        self.asked.append("stop")

    def keep(self, call: str, party: str, baseline: Baseline) -> None:
        self.kept.setdefault(call, {})[party] = baseline

    def forget(self, call: str) -> None:
        self.kept.pop(call, None)

    async def recall(self, call: str) -> dict[str, Baseline]:
        self.asked.append(call)
        await self.answer.wait()
        return dict(self.kept.get(call, {}))


def leg(call: str = "c", channel: str = "1.1", role: str = "customer") -> OpenLeg:
    return OpenLeg(str(uuid.uuid4()), call, "customer" if role == "customer" else "agent", channel=channel)


async def test_the_newest_is_given_to_the_same_party_on_the_same_line_alone() -> None:
    kept = KeptBaselines()
    kept.keep(leg(), LEARNT)
    kept.keep(leg(), NEWER)
    assert await kept.of(leg()) == NEWER
    assert await kept.of(leg(channel="1.2")) is None
    assert await kept.of(leg(role="agent")) is None
    assert await kept.of(leg(call="d")) is None


@pytest.mark.parametrize("facts", [CallFacts("c", on_hold=True), CallFacts("c", together=False)])
async def test_after_hold_or_a_consultation_it_is_loose_until_it_is_learnt_anew(facts: CallFacts) -> None:
    kept = KeptBaselines(store := Store())
    kept.keep(leg(), LEARNT)
    kept.note(CallFacts("c"))
    found = await kept.of(leg())
    assert found is not None
    assert not found.loose
    kept.note(facts)
    kept.note(CallFacts("c"))
    found = await kept.of(leg())
    assert found is not None
    assert found.loose
    assert store.kept["c"]["customer 1.1"].loose
    kept.keep(leg(), NEWER)
    assert await kept.of(leg()) == NEWER


async def test_nothing_is_left_of_a_call_that_is_over() -> None:
    kept = KeptBaselines(store := Store())
    kept.keep(leg(), LEARNT)
    kept.forget("c")
    assert store.kept == {}
    assert await kept.of(leg()) is None


async def test_what_an_earlier_run_kept_is_asked_for_once_a_call() -> None:
    kept = KeptBaselines(store := Store(c={"customer 1.1": LEARNT}))
    store.answer.clear()
    both = asyncio.gather(kept.of(leg()), kept.of(leg(role="agent", channel="1.2")))
    await asyncio.sleep(0)
    store.answer.set()
    assert await both == [LEARNT, None]
    assert await kept.of(leg()) == LEARNT
    assert store.asked == ["c"]


async def test_what_was_heard_while_the_store_was_asked_is_newer() -> None:
    kept = KeptBaselines(store := Store(c={"customer 1.1": LEARNT}))
    store.answer.clear()
    asking = asyncio.create_task(kept.of(leg()))
    await asyncio.sleep(0)
    kept.keep(leg(), NEWER)
    store.kept["c"] = {"customer 1.1": LEARNT}
    store.answer.set()
    assert await asking == NEWER


async def test_a_call_that_ends_while_the_store_is_asked_leaves_nothing() -> None:
    kept = KeptBaselines(store := Store(c={"customer 1.1": LEARNT}))
    store.answer.clear()
    asking = asyncio.create_task(kept.of(leg()))
    await asyncio.sleep(0)
    kept.forget("c")
    assert await asking is None
    assert kept._of_call == {}


async def test_the_store_works_for_as_long_as_baselines_are_kept() -> None:
    kept = KeptBaselines(store := Store())
    kept.start()
    await kept.stop()
    assert store.asked == ["start", "stop"]
