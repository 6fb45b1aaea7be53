"""One leg's tap: opened, kept, opened again, cleaned up - on a fake ARI."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from callguard.asterisk.events import Channel, ChannelDestroyed
from callguard.asterisk.taps import tap as module
from callguard.asterisk.taps.tap import Tap, TapKit
from callguard.config import Media
from callguard.contracts.events import Event, TapLost, TapOpened, TapRestored
from callguard.contracts.messages import CallFacts, CloseCall, CloseLeg, LegSource, NoRoomError, OpenLeg
from tests.asterisk.harness.fake_ari import FakeAri
from tests.asterisk.harness.stasis import removed as gone
from tests.asterisk.harness.stasis import stasis

CHANNEL = {"id": "1.1", "name": "PJSIP/customer-1", "state": "Up"}


class Plane:
    """A media plane that takes every leg, or refuses all."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.error: Exception | None = None

    async def open_leg(self, leg: OpenLeg) -> int:
        if self.error:
            raise self.error
        self.said.append(leg)
        return 9092

    def send(self, call: str, message: CallFacts | CloseCall | CloseLeg | LegSource) -> None:
        self.said.append(message)

    def legs(self) -> list[OpenLeg]:
        return [message for message in self.said if isinstance(message, OpenLeg)]


@dataclass
class Bench:
    fake: FakeAri
    plane: Plane
    tap: Tap
    events: list[Event]

    async def until(self, kind: type[Event], n: int = 1) -> None:
        for _ in range(300):
            if len([event for event in self.events if isinstance(event, kind)]) >= n:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(self.events)

    async def opened(self, n: int = 1) -> str:
        """Connect the n-th attempt, once its media path is up; return its UUID."""
        await self.until_ready(n)
        self.tap.on_connected()
        await self.until(TapOpened if n == 1 else TapRestored)
        return self.plane.legs()[-1].leg

    async def until_ready(self, n: int = 1) -> None:
        """Wait until the n-th attempt's media path is up."""
        for _ in range(300):
            if len(self.plane.legs()) >= n and any(self._ready(call) for call in self.fake.calls()):
                break
            await asyncio.sleep(0.01)

    def _ready(self, call: str) -> bool:
        return call == f"POST /channels/{self.tap.leg}/continue" or call.endswith(f"{self.tap.leg}/addChannel")


@asynccontextmanager
async def tapping(
    monkeypatch: pytest.MonkeyPatch, media: Media, prepare: Callable[[FakeAri], None] = lambda fake: None
) -> AsyncIterator[Bench]:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")
    monkeypatch.setattr(module, "FAREWELL_S", 0.02)
    monkeypatch.setattr(module, "BACKOFF_S", (0.01,))
    plane, events = Plane(), list[Event]()
    async with stasis() as (fake, ari, watch, reconciler):
        fake.answer("GET", "/channels/1.1", CHANNEL)
        prepare(fake)
        kit = TapKit(ari, watch, reconciler, plane, media, events.append)
        tap = Tap(kit, "c", "customer", "1.1", "PJSIP/customer-1", lambda: CallFacts("c"))
        tap.start()
        yield Bench(fake, plane, tap, events)
        task = tap.close()
        assert task
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=["audiosocket", "external_media"])
async def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    async with tapping(monkeypatch, Media(tap=request.param, connect_timeout_s=0.3)) as bench:
        yield bench


def removed(fake: FakeAri) -> list[str]:
    return [call.removeprefix("DELETE ") for call in fake.calls() if call.startswith("DELETE")]


async def test_the_worker_knows_the_call_before_its_leg(bench: Bench) -> None:
    await bench.opened()
    facts, leg = bench.plane.said[:2]
    assert isinstance(facts, CallFacts)
    assert isinstance(leg, OpenLeg)
    assert (leg.call, leg.role, leg.codec) == ("c", "customer", "slin")


async def test_a_worker_is_told_where_asterisk_sends_rtp_from_before_it_can_come(bench: Bench) -> None:
    await bench.opened()
    leg, *sources = [message for message in bench.plane.said if isinstance(message, OpenLeg | LegSource)]
    assert isinstance(leg, OpenLeg)
    assert leg.announced is (leg.transport == "rtp")
    assert sources == ([LegSource(leg.leg, ("127.0.0.1", 15960))] if leg.announced else [])


async def test_a_configured_source_stands_instead_of_the_announced_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tapping(monkeypatch, Media(tap="external_media", sources=("192.0.2.7",))) as bench:
        await bench.opened()
        assert not bench.plane.legs()[0].announced
        assert not [message for message in bench.plane.said if isinstance(message, LegSource)]


@pytest.mark.parametrize(("tap", "path"), [("audiosocket", "variable"), ("external_media", "externalMedia")])
async def test_an_ipv6_address_is_told_in_brackets(monkeypatch: pytest.MonkeyPatch, tap: str, path: str) -> None:
    async with tapping(monkeypatch, Media.model_validate({"tap": tap, "listen": "::1"})) as bench:
        await bench.opened()
        (asked,) = [query for _, where, query in bench.fake.requests if where.endswith(path) and "::" in str(query)]
        told = asked.get("external_host") or asked["value"]
        assert told == ("[::1]:9092" if path == "externalMedia" else "[::1]")


async def test_each_step_has_the_whole_time_limit_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 0.6

    def late(fake: FakeAri) -> None:
        happen = fake.after
        fake.after = lambda request: asyncio.get_running_loop().call_later(0.7 * limit, happen, request) and None

    media = Media(tap="external_media", connect_timeout_s=limit)
    async with tapping(monkeypatch, media, prepare=late) as bench:
        await bench.until_ready()
        await asyncio.sleep(0.7 * limit)
        await bench.opened()
        assert [type(event) for event in bench.events] == [TapOpened]


@pytest.mark.parametrize(
    ("path", "step"),
    [
        ("/channels/1.1/snoop", "snoop"),
        ("/channels/externalMedia", "media channel"),
        ("/bridges/callguard.mixer.LEG", "bridge"),
        ("", "first frame"),
    ],
)
async def test_a_loss_names_the_step_at_which_it_came(monkeypatch: pytest.MonkeyPatch, path: str, step: str) -> None:
    monkeypatch.setattr(module, "new_id", lambda: "LEG")

    def fail(fake: FakeAri) -> None:
        if path:
            fake.answer("POST", path, {"message": "no"}, 500)

    with capture_logs() as logs:
        async with tapping(monkeypatch, Media(tap="external_media", connect_timeout_s=0.3), prepare=fail) as bench:
            await bench.until(TapLost)
    told = [entry for entry in logs if entry["event"] == "tap_lost"]
    assert [(entry["step"], entry["reason"]) for entry in told] == [(step, "asterisk" if path else "timeout")]


async def test_a_closed_tap_leaves_nothing(bench: Bench) -> None:
    leg = await bench.opened()
    task = bench.tap.close()
    assert task
    await asyncio.gather(task, return_exceptions=True)
    await gone(bench.tap.kit.reconciler)
    expected = {f"/channels/{leg}"}
    if leg and bench.tap.kit.transport == "rtp":
        expected |= {f"/channels/callguard.media.{leg}", f"/bridges/callguard.mixer.{leg}"}
    assert set(removed(bench.fake)) == expected
    assert bench.plane.said[-1] == CloseLeg(leg)
    assert [type(event) for event in bench.events] == [TapOpened]


async def test_only_what_would_stay_without_us_is_under_a_lease(bench: Bench) -> None:
    leg = await bench.opened()
    leases = bench.tap.kit.reconciler.leases
    media = f"callguard.media.{leg}"
    assert [each in leases for each in (leg, media)] == [bench.tap.kit.transport == "rtp"] * 2
    lengths = {query["value"] for _, path, query in bench.fake.requests if path.endswith("/variable")}
    assert lengths == ({"120"} if bench.tap.kit.transport == "rtp" else set())


async def test_a_removal_that_asterisk_refuses_delays_no_new_tap(bench: Bench) -> None:
    first = await bench.opened()
    bench.fake.answer("DELETE", f"/channels/{first}", {"message": "no"}, 500)
    bench.tap.on_lost("stalled")
    await bench.opened(2)
    assert first in bench.tap.kit.reconciler.under_way


async def test_a_lost_leg_is_said_once_and_opened_under_a_new_id(bench: Bench) -> None:
    first = await bench.opened()
    bench.tap.on_lost("stalled")
    await bench.until(TapLost)
    second = await bench.opened(2)
    assert first != second
    assert f"/channels/{first}" in removed(bench.fake)
    assert [type(event) for event in bench.events] == [TapOpened, TapLost, TapRestored]


async def test_media_that_never_come_count_as_lost(bench: Bench) -> None:
    await bench.until(TapLost)
    (lost,) = (event for event in bench.events if isinstance(event, TapLost))
    assert (lost.reason, lost.leg, lost.call) == ("timeout", "customer", "c")


async def test_the_end_of_a_hung_up_leg_is_no_loss(bench: Bench) -> None:
    await bench.opened()
    bench.fake.answer("GET", "/channels/1.1", {"message": "gone"}, 404)
    bench.tap.on_lost("eof")
    assert bench.tap._task
    await asyncio.wait_for(bench.tap._task, 2)
    assert not [event for event in bench.events if isinstance(event, TapLost)]


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError("worker"), RuntimeError("full")])
async def test_a_worker_that_refuses_is_asked_again(bench: Bench, error: Exception) -> None:
    bench.plane.error = error
    await bench.until(TapLost)
    (lost,) = (event for event in bench.events if isinstance(event, TapLost))
    assert lost.reason in ("refused", "timeout")
    bench.plane.error = None
    await bench.opened(len(bench.plane.legs()) + 1 if bench.plane.legs() else 2)


async def test_an_asterisk_that_fails_is_asked_again(bench: Bench) -> None:
    bench.fake.answer("POST", "/channels/1.1/snoop", {"message": "no"}, 500)
    await bench.until(TapLost)
    del bench.fake.answers["POST", "/channels/1.1/snoop"]
    attempts = len(bench.plane.legs())
    await bench.opened(attempts + 1)
    assert isinstance(bench.events[-1], TapRestored)


async def test_a_snoop_that_ends_in_the_dialplan_before_media_come_says_so(bench: Bench) -> None:
    """As where the tap's context is missing: waiting longer would bring nothing."""
    if bench.tap.kit.transport == "rtp":
        pytest.skip("uses no dialplan")
    for _ in range(300):
        if f"POST /channels/{bench.tap.leg}/continue" in bench.fake.calls():
            break
        await asyncio.sleep(0.001)
    bench.tap.kit.watch.see(ChannelDestroyed(0.0, Channel(bench.tap.leg, "Snoop/x"), 0))
    await bench.until(TapLost)
    (lost,) = (event for event in bench.events if isinstance(event, TapLost))
    assert lost.reason == "dialplan"


async def test_a_snoop_that_ends_with_its_media_is_no_fault_of_the_dialplan(bench: Bench) -> None:
    leg = await bench.opened()
    bench.tap.kit.watch.see(ChannelDestroyed(0.0, Channel(leg, "Snoop/x"), 16))
    await asyncio.sleep(0.01)
    bench.tap.on_lost("eof")
    await bench.until(TapLost)
    assert [event.reason for event in bench.events if isinstance(event, TapLost)] == ["eof"]


async def test_what_stands_against_the_next_attempt_is_told_once(bench: Bench) -> None:
    await bench.opened()
    bench.plane.error = NoRoomError("the worker has no room")
    bench.tap.on_lost("eof")
    await bench.until(TapLost, 2)
    await asyncio.sleep(0.1)
    assert [event.reason for event in bench.events if isinstance(event, TapLost)] == ["eof", "full"]


async def test_the_same_reason_is_told_again_after_the_leg_was_heard(bench: Bench) -> None:
    await bench.opened()
    for attempt in (2, 3):
        bench.tap.on_lost("eof")
        await bench.until(TapLost, attempt - 1)
        await bench.opened(attempt)
        await bench.until(TapRestored, attempt - 1)
    kinds = [type(event) for event in bench.events]
    assert kinds == [TapOpened, TapLost, TapRestored, TapLost, TapRestored]
