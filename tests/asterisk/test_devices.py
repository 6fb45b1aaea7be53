"""Supervisors' phones: which states mean that nobody can be rung there, and how soon a change is known."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from callguard.asterisk import devices as module
from callguard.asterisk.client import AriClient
from callguard.asterisk.devices import Devices
from callguard.asterisk.events import Channel, ChannelDestroyed, ChannelStateChange
from callguard.config import SupervisorConfig
from callguard.contracts.events import Away
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari

ANN = SupervisorConfig(name="ann", endpoint="PJSIP/ann")
MOBILE = SupervisorConfig(name="mobile", endpoint="PJSIP/0123@trunk")
PATH = "/deviceStates/PJSIP/ann"


class Floor:
    """What was told, and the fake to make it so."""

    def __init__(self, fake: FakeAri, devices: Devices, told: list[tuple[str, Away | None]]) -> None:
        self.fake, self.devices, self.told = fake, devices, told

    def state(self, state: str) -> None:
        self.fake.answer("GET", PATH, {"name": "PJSIP/ann", "state": state})

    async def until(self, *told: tuple[str, Away | None]) -> None:
        for _ in range(200):
            if self.told == list(told):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(self.told)


@asynccontextmanager
async def floor(*supervisors: SupervisorConfig) -> AsyncIterator[Floor]:
    told: list[tuple[str, Away | None]] = []
    async with fake_ari() as fake, AriClient(fake.config(timeout_s=0.3)) as ari:
        devices = Devices(ari, lambda name, away: told.append((name, away)))
        devices.watch(supervisors or [ANN])
        running = Floor(fake, devices, told)
        running.state("NOT_INUSE")
        yield running


@asynccontextmanager
async def served(devices: Devices) -> AsyncIterator[None]:
    task = asyncio.create_task(devices.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


@pytest.mark.parametrize(
    ("state", "away"),
    [
        ("NOT_INUSE", None),
        ("UNKNOWN", None),
        ("", None),
        ("INUSE", "busy"),
        ("BUSY", "busy"),
        ("RINGING", "busy"),
        ("RINGINUSE", "busy"),
        ("ONHOLD", "busy"),
        ("UNAVAILABLE", "unreachable"),
        ("INVALID", "unreachable"),
    ],
)
async def test_what_each_state_means(state: str, away: Away | None) -> None:
    async with floor() as running:
        running.state(state)
        await running.devices.refresh()
        assert running.told == ([("ann", away)] if away else [])


async def test_only_changes_are_told() -> None:
    async with floor() as running:
        for state in ("NOT_INUSE", "INUSE", "ONHOLD", "UNAVAILABLE", "NOT_INUSE", "NOT_INUSE"):
            running.state(state)
            await running.devices.refresh()
        assert running.told == [("ann", "busy"), ("ann", "unreachable"), ("ann", None)]


async def test_a_channel_of_the_phone_makes_its_state_read_again_and_others_do_not() -> None:
    async with floor() as running, served(running.devices):
        await asyncio.sleep(0.2)
        asked = len(running.fake.requests)
        running.devices.see(ChannelStateChange(0.0, Channel("1", "PJSIP/bob-00000001")))
        running.devices.see(ChannelStateChange(0.0, Channel("1", "PJSIP/ann-b-00000001")))
        await asyncio.sleep(0.2)
        assert len(running.fake.requests) == asked
        running.state("INUSE")
        running.devices.see(ChannelStateChange(0.0, Channel("2", "PJSIP/ann-00000002")))
        await running.until(("ann", "busy"))
        running.state("NOT_INUSE")
        running.devices.see(ChannelDestroyed(0.0, Channel("2", "PJSIP/ann-00000002")))
        await running.until(("ann", "busy"), ("ann", None))


async def test_a_phone_that_is_unplugged_is_noticed_at_the_next_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_S", 0.1)
    async with floor() as running, served(running.devices):
        await asyncio.sleep(0.2)
        running.state("UNAVAILABLE")
        await running.until(("ann", "unreachable"))


@pytest.mark.parametrize("how", ["error", "silence"])
async def test_a_state_that_cannot_be_read_now_stays_as_it_was(how: str) -> None:
    async with floor() as running:
        running.state("INUSE")
        await running.devices.refresh()
        if how == "error":
            running.fake.answer("GET", PATH, {"message": "no"}, status=500)
        else:
            running.fake.answers["GET", PATH] = _never
        await running.devices.refresh()
        assert running.told == [("ann", "busy")]


_never: Callable[..., Awaitable[object]] = lambda _: asyncio.sleep(5)  # type: ignore[assignment] # noqa: E731


async def test_an_asterisk_without_device_states_has_everybody_rung() -> None:
    async with floor() as running:
        running.state("INUSE")
        await running.devices.refresh()
        running.fake.answer("GET", PATH, {"message": "Resource not found"}, status=404)
        await running.devices.refresh()
        assert running.told == [("ann", "busy"), ("ann", None)]


async def test_two_supervisors_may_share_a_phone_and_who_is_reached_by_a_trunk_is_not_asked_for() -> None:
    async with floor(ANN, SupervisorConfig(name="deputy", endpoint="PJSIP/ann"), MOBILE) as running:
        running.state("INUSE")
        await running.devices.refresh()
        assert running.told == [("ann", "busy"), ("deputy", "busy")]
        assert running.fake.calls() == [f"GET {PATH}"]


async def test_whom_a_reload_takes_off_the_list_is_forgotten() -> None:
    async with floor() as running:
        running.state("INUSE")
        await running.devices.refresh()
        running.devices.watch([MOBILE])
        assert running.told == [("ann", "busy"), ("ann", None)]
