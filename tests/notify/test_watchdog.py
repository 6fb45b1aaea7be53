"""The alert that always fires goes out at once, then at its interval, to the receivers that are named."""

import asyncio
from collections.abc import Iterable

import pytest

from callguard.config import Config, Notify, Watchdog
from callguard.contracts.events import AlertFired
from callguard.notify.watchdog import WatchdogAlert
from callguard.runtime.tasks import end


def config(*receivers: str, every_s: float = 300.0) -> Config:
    watchdog = Watchdog.model_construct(receivers=receivers, every_s=every_s)
    return Config.model_construct(node="n1", notify=Notify.model_construct(watchdog=watchdog))


class Beats:
    def __init__(self) -> None:
        self.sent: list[tuple[list[str], AlertFired]] = []

    def __call__(self, receivers: Iterable[str], event: AlertFired) -> None:
        self.sent.append((list(receivers), event))


@pytest.fixture
def beats() -> Beats:
    return Beats()


async def test_it_beats_at_once_and_then_at_its_interval(beats: Beats) -> None:
    task = asyncio.create_task(WatchdogAlert(config("webhook:chat", every_s=0.1), beats).run())
    await asyncio.sleep(0.25)
    await end(task)
    assert [receivers for receivers, _ in beats.sent] == [["webhook:chat"]] * 3
    _, event = beats.sent[0]
    assert (event.alert, event.rule, event.severity, event.call) == ("watchdog-n1", "Watchdog", "none", None)


async def test_without_receivers_it_is_off_until_a_reload_names_one(beats: Beats) -> None:
    watchdog = WatchdogAlert(config(every_s=0.01), beats)
    task = asyncio.create_task(watchdog.run())
    await asyncio.sleep(0.05)
    assert beats.sent == []
    watchdog.apply(config("email:floor"))
    await asyncio.sleep(0.05)
    watchdog.apply(config("email:floor"))
    await asyncio.sleep(0.05)
    await end(task)
    assert [receivers for receivers, _ in beats.sent] == [["email:floor"]], (
        "a reload that changes nothing beats no more"
    )
