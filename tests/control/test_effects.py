"""Effects are carried out side by side; what fails is counted and holds up nothing."""

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from callguard.alerts.effects import ForgetCall, PromptAgent, RingSupervisors, SendTo, StopRepeating, StopRinging
from callguard.asterisk.supervision.session import SupervisionError
from callguard.contracts.events import Envelope, envelope
from callguard.control.effects import EffectRunner
from callguard.notify.receiver import Receiver
from callguard.runtime.journal import Journal
from tests.support.events import alert_fired

RING = RingSupervisors(alert="a1", call="c1", supervisors=("Ann", "Gone"), tier=1, mode="whisper", timeout_s=15)


class Floor:
    """Paging that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.breaks: Exception | None = None
        self.rings = asyncio.Event()

    async def ring(self, effect: RingSupervisors) -> None:
        self.asked.append(("ring", effect))
        if self.breaks:
            raise self.breaks
        await self.rings.wait()

    async def stop(self, alert: str) -> None:
        self.asked.append(("stop", alert))

    async def prompt(self, effect: PromptAgent) -> None:
        self.asked.append(("prompt", effect))


@pytest.fixture
def outcomes() -> Counter[tuple[str, str]]:
    return Counter()


def runner(floor: Floor, outcomes: Counter[tuple[str, str]]) -> EffectRunner:
    def count(receiver: str, outcome: str) -> None:
        outcomes[receiver, outcome] += 1

    paging: Any = floor
    return EffectRunner("n1", paging, count, Journal(None))


async def test_ringing_holds_up_neither_prompt_nor_stop(outcomes: Counter[tuple[str, str]]) -> None:
    floor = Floor()
    running = runner(floor, outcomes)
    running.carry_out([RING, PromptAgent(alert="a1", call="c1", prompt="slow_down"), StopRinging(alert="a1")])
    await asyncio.sleep(0.01)
    await running.stop()

    assert [name for name, _ in floor.asked] == ["ring", "prompt", "stop"]
    assert outcomes == {("prompt", "sent"): 1, ("ring", "sent"): 1}


async def test_a_ring_that_breaks_is_counted(outcomes: Counter[tuple[str, str]]) -> None:
    floor = Floor()
    floor.breaks = ZeroDivisionError()
    running = runner(floor, outcomes)
    running.carry_out([RING])
    await asyncio.sleep(0.01)
    await running.stop()

    assert outcomes == {("ring", "failed"): 1}


async def test_an_unknown_way_is_counted(outcomes: Counter[tuple[str, str]]) -> None:
    runner(Floor(), outcomes).carry_out([SendTo(receiver="webhook:gone", event=alert_fired())])

    assert outcomes == {("unknown", "failed"): 1}


async def test_ways_come_and_go_and_what_a_gone_one_holds_is_delivered(outcomes: Counter[tuple[str, str]]) -> None:
    sent: list[str] = []

    def way(name: str, label: str) -> Receiver:
        async def send(_: Envelope) -> None:
            await asyncio.sleep(0.01)
            sent.append(label)

        return Receiver(name, send, lambda *_: None, Journal(None))

    running = runner(Floor(), outcomes)
    running.start({"webhook:gone": way("webhook:gone", "gone"), "cel": way("cel", "old")})
    running.carry_out([SendTo("webhook:gone", alert_fired())])
    running.replace({"cel": way("cel", "new"), "webhook:new": way("webhook:new", "added")})
    running.carry_out([SendTo(name, alert_fired()) for name in ("cel", "webhook:new", "webhook:gone")])
    await asyncio.sleep(0.1)
    await running.stop()

    assert sorted(sent) == ["added", "gone", "new"]
    assert outcomes == {("unknown", "failed"): 1}


@pytest.mark.parametrize(
    ("error", "level"), [(SupervisionError("no_answer"), "info"), (ZeroDivisionError("our mistake"), "warning")]
)
async def test_a_ring_that_nobody_answers_is_no_warning(
    outcomes: Counter[tuple[str, str]], error: Exception, level: str
) -> None:
    floor = Floor()
    floor.breaks = error
    running = runner(floor, outcomes)
    with capture_logs() as said:
        running.carry_out([RING])
        while not outcomes:
            await asyncio.sleep(0)
    assert [(line["event"], line["log_level"]) for line in said] == [("effect_failed", level)]


class Noted(Receiver):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__("cel", self.send, lambda *_: None, Journal(None))
        self.told: list[str] = []

    async def send(self, sent: Envelope) -> None:
        self.told.append(f"sent {sent.data['alert']}")

    def answered(self, alert: str) -> None:
        self.told.append(f"answered {alert}")

    def forget(self, call: str) -> None:
        self.told.append(f"forget {call}")


async def test_every_receiver_learns_who_answered_and_who_opted_out(outcomes: Counter[tuple[str, str]]) -> None:
    running, receiver = runner(Floor(), outcomes), Noted()
    running.start({"cel": receiver})
    running.carry_out([StopRepeating("a1"), ForgetCall("c1")])
    await running.stop()
    assert receiver.told == ["answered a1", "forget c1"]


async def test_nobody_is_rung_before_the_disk_has_the_decision(
    outcomes: Counter[tuple[str, str]], tmp_path: Path
) -> None:
    journal, floor = Journal(tmp_path / "n1.journal"), Floor()
    paging: Any = floor
    running = EffectRunner("n1", paging, lambda *_: None, journal)
    journal.stage("alerts", "alert|a1", "fired")
    with sqlite3.connect(tmp_path / "n1.journal") as disk:

        async def ring(_: RingSupervisors) -> None:
            assert disk.execute("SELECT text FROM record").fetchall() == [("fired",)]
            floor.asked.append(("ring", None))

        floor.ring = ring  # type: ignore[method-assign,assignment]
        running.carry_out([RING])
        await asyncio.sleep(0.01)
        await running.stop()
    disk.close()
    assert floor.asked == [("ring", None)]


async def test_what_was_owed_to_a_receiver_that_is_gone_is_dropped_and_told(outcomes: Counter[tuple[str, str]]) -> None:
    journal = Journal(None)
    Receiver("webhook:gone", Noted().send, lambda *_: None, journal).put(envelope(alert_fired(), "n1"))
    paging: Any = Floor()
    running = EffectRunner("n1", paging, lambda name, outcome: outcomes.update([(name, outcome)]), journal)
    with capture_logs() as said:
        running.start({})
    assert outcomes == {("webhook:gone", "dropped"): 1}
    assert [(line["event"], line["receiver"], line["dropped"]) for line in said] == [
        ("receiver_gone", "webhook:gone", 1)
    ]
    assert journal.records("owed") == {}
