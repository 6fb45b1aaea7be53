"""A worker does what control asks, tells what it finds, and outlives any message."""

import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from callguard.audio.frames import FRAME_SAMPLES, Pcm
from callguard.audio.rtp import Packet
from callguard.audio.rtp import serialise as rtp_packet
from callguard.audio.window import SUMS
from callguard.config import Logging
from callguard.contracts.messages import (
    Baseline,
    CallFacts,
    CallSnapshot,
    CloseCall,
    CloseLeg,
    LegBaseline,
    LegConnected,
    LegLost,
    LegReady,
    LegSource,
    LoadRules,
    OpenLeg,
    SetLogging,
    StopWorker,
    Transition,
    WorkerReady,
    WorkerStats,
)
from callguard.runtime import logs
from callguard.runtime.mailbox import GarbledError
from callguard.testbed.simulator.voice import Effort, syllables
from callguard.worker.process import TICKS_A_SECOND, Worker
from tests.support.media import LOUD_RULE, OTHER_RULE, Sender, config, voice


class Box:
    """The worker's end of a mailbox, with the test at the other."""

    def __init__(self) -> None:
        self.posted: list[Any] = []
        self.inbox: list[Any] = []
        self.dropped = 0

    def post(self, message: object, *, spare: bool = False) -> None:
        self.posted.append(message)

    def receive(self, timeout: float | None) -> list[Any]:
        if not self.inbox:
            time.sleep(timeout or 0)
            return []
        message = self.inbox.pop(0)
        if isinstance(message, Exception):
            raise message
        return [message]

    def take(self, kind: type) -> list[Any]:
        found = [message for message in self.posted if isinstance(message, kind)]
        self.posted = [message for message in self.posted if not isinstance(message, kind)]
        return found


class Bench:
    """A worker without a process of its own, stepped by the test."""

    def __init__(self, legs: int = 8, **media: object) -> None:
        self.box = Box()
        self.worker = Worker(config(legs, **media), 0, LOUD_RULE, self.box)  # type: ignore[arg-type] # the test's end

    def open(self, call: str = "1.1", role: str = "customer") -> tuple[str, int]:
        leg = str(uuid.uuid4())
        self.worker.obey(OpenLeg(leg, call, "customer" if role == "customer" else "agent"))
        (ready,) = self.box.take(LegReady)
        assert ready.leg == leg
        return leg, ready.port

    def call(self, call: str = "1.1", role: str = "customer") -> tuple[str, int]:
        self.worker.obey(CallFacts(call))
        return self.open(call, role)

    def say(self, sender: Sender, seconds: float, level: float = 0.2) -> None:
        """Send a voice and tick, hop by hop."""
        for hop in voice(round(seconds * 50), level).reshape(-1, 5, 160):
            sender.send(hop)
            self.worker.tick()

    def play(self, sender: Sender, sound: Pcm) -> list[CallSnapshot]:
        """Send a sound and tick, hop by hop; return what was shown meanwhile."""
        self.box.take(CallSnapshot)
        for hop in sound[: len(sound) // 5 * 5].reshape(-1, 5, FRAME_SAMPLES):
            sender.send(hop)
            self.worker.tick()
        return self.box.take(CallSnapshot)

    def open_as(self, baseline: Baseline | None) -> tuple[str, int]:
        """Open a customer's leg that earlier taps know by this baseline."""
        leg = str(uuid.uuid4())
        self.worker.obey(CallFacts("1.1"))
        self.worker.obey(OpenLeg(leg, "1.1", "customer", baseline=baseline))
        (ready,) = self.box.take(LegReady)
        return leg, ready.port


def speech(seconds: float, effort: Effort) -> Pcm:
    made = syllables(seconds, effort, seed=3)
    return made[: len(made) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def loudest(shots: list[CallSnapshot]) -> float:
    return max(shot.customer.get("raised_voice") or 0.0 for shot in shots)


@pytest.fixture
def learnt(bench: Bench) -> Baseline:
    """What a worker learns of a customer in twenty seconds of calm speech."""
    leg, port = bench.call()
    with Sender(port, leg) as sender:
        bench.play(sender, speech(20, "calm"))
    reports = bench.box.take(LegBaseline)
    assert {report.leg for report in reports} == {leg}
    assert 2 <= len(reports) <= 4
    return reports[-1].baseline


def test_shouting_that_goes_on_after_the_worker_was_lost_is_still_raised(learnt: Baseline) -> None:
    scores = []
    for baseline in (learnt, None):
        second = Bench()
        leg, port = second.open_as(baseline)
        with Sender(port, leg) as sender:
            shots = second.play(sender, speech(12, "raised"))
            scores.append((loudest(shots), shots[-1].customer["level_rise_db"] or 0.0))
        second.worker._ingest.close()
    carried, cold = scores
    assert carried[0] > 0.6
    assert carried[1] > 6
    assert carried[1] > cold[1] + 3


def test_a_carried_baseline_does_not_make_the_first_sound_speech(learnt: Baseline) -> None:
    second = Bench()
    leg, port = second.open_as(learnt)
    with Sender(port, leg) as sender:
        shots = second.play(sender, speech(0.6, "raised"))
    assert all(shot.unjudged for shot in shots)
    second.worker._ingest.close()


@pytest.mark.parametrize("change", [{"form": 1}, {"sums": b"short"}, {"sums": b"\xff" * 4 * SUMS}])
def test_a_baseline_of_another_version_is_refused_and_counted(
    bench: Bench, learnt: Baseline, change: dict[str, Any]
) -> None:
    bench.open_as(replace(learnt, **change))
    assert bench.worker._counters()["baselines_refused"] == 1


@pytest.mark.parametrize(
    ("change", "remembered"),
    [
        ({}, True),
        ({"loose": True}, False),
        ({"at": 0.0}, False),
        ({"model": "another"}, False),
        ({"memory": b""}, False),
    ],
)
def test_what_the_model_remembers_is_carried_over_within_a_minute(
    bench: Bench, learnt: Baseline, change: dict[str, Any], remembered: bool
) -> None:
    assert any(learnt.memory)
    bench.open_as(replace(learnt, **change))
    row = max(bench.worker._leg_at)
    assert (bench.worker._pipeline.models.emotion.memory(row) == learnt.memory) is remembered


def test_nothing_is_reported_of_a_party_on_hold(bench: Bench, learnt: Baseline) -> None:
    bench.worker.obey(CallFacts("1.1", on_hold=True))
    leg, port = bench.open_as(learnt)
    bench.worker.obey(CallFacts("1.1", on_hold=True))
    with Sender(port, leg) as sender:
        bench.play(sender, speech(11, "calm"))
    assert bench.box.take(LegBaseline) == []


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.worker._ingest.close()


def test_from_the_first_frame_to_the_alert_and_its_end(bench: Bench) -> None:
    leg, port = bench.call()
    with Sender(port, leg) as sender:
        bench.say(sender, 1)
        assert bench.box.take(LegConnected) == [LegConnected(leg)]
        bench.worker.tick()
        (fired,) = bench.box.take(Transition)
        assert (fired.kind, fired.call, fired.rule, fired.leg) == ("fired", "1.1", "Loud", "customer")
        assert fired.at == pytest.approx(time.time(), abs=2)
    bench.worker.obey(CloseCall("1.1"))
    (ended,) = bench.box.take(Transition)
    assert (ended.kind, ended.rule) == ("resolved", "Loud")


def test_a_lost_leg_is_told_and_its_row_is_free_again() -> None:
    bench = Bench(legs=2)
    leg, port = bench.call()
    for _ in range(4):
        with Sender(port, leg):
            bench.worker.tick()
        bench.worker.tick()
        assert bench.box.take(LegLost) == [LegLost(leg, "eof")]
        bench.worker.obey(CloseLeg(leg))
        leg, port = bench.open()
    bench.worker._ingest.close()


def test_a_leg_that_never_connects_is_lost() -> None:
    bench = Bench(connect_timeout_s=0.05)
    leg, _ = bench.call()
    time.sleep(0.2)
    bench.worker.tick()
    assert bench.box.take(LegLost) == [], "control limits each step: all of them may have taken long"
    time.sleep(0.06)
    bench.worker.tick()
    assert bench.box.take(LegLost) == [LegLost(leg, "timeout")]
    bench.worker._ingest.close()


def test_an_announced_leg_hears_its_source_alone(bench: Bench) -> None:
    leg = str(uuid.uuid4())
    bench.worker.obey(CallFacts("1.1"))
    bench.worker.obey(OpenLeg(leg, "1.1", "customer", "rtp", announced=True))
    (ready,) = bench.box.take(LegReady)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", ready.port))
        sender.send(rtp_packet(Packet(10, 1, 160, 5, bytes(320))))
        bench.worker.tick()
        assert bench.box.take(LegConnected) == []
        bench.worker.obey(LegSource(leg, ("::1", 5000)))
        assert bench.worker._counters()["messages_malformed"] == 1
        bench.worker.obey(LegSource(leg, sender.getsockname()))
        bench.worker.tick()
    assert bench.box.take(LegConnected) == [LegConnected(leg)]


def test_when_all_rows_are_taken_the_next_leg_is_refused_as_full() -> None:
    bench = Bench(legs=2)
    bench.call(role="customer")
    bench.open(role="agent")
    bench.worker.obey(OpenLeg(str(uuid.uuid4()), "1.1", "agent"))
    assert [lost.reason for lost in bench.box.take(LegLost)] == ["full"]
    bench.worker.obey(CallFacts("1.2"))
    bench.worker.obey(OpenLeg(str(uuid.uuid4()), "1.2", "agent"))
    assert [lost.reason for lost in bench.box.take(LegLost)] == ["full"]
    bench.worker.obey(CloseCall("1.1"))
    bench.call("1.3")
    bench.worker._ingest.close()


def test_closing_a_call_frees_its_legs_and_its_row() -> None:
    bench = Bench(legs=2)
    for number in range(4):
        bench.call(f"1.{number}")
        bench.open(f"1.{number}", "agent")
        bench.worker.obey(CloseCall(f"1.{number}"))
    bench.worker._ingest.close()


def test_new_rules_count_at_once_and_a_bad_set_changes_nothing(bench: Bench) -> None:
    leg, port = bench.call()
    with Sender(port, leg) as sender:
        bench.worker.obey(LoadRules((("bad.yaml", "groups: 7"),)))
        bench.say(sender, 0.5)
        bench.worker.obey(LoadRules(OTHER_RULE))
        bench.say(sender, 0.5)
        fired = [transition.rule for transition in bench.box.take(Transition) if transition.kind == "fired"]
    assert fired == ["Loud", "Heard"]


def test_logging_is_changed_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Logging] = []
    monkeypatch.setattr(logs, "configure", seen.append)
    bench.worker.obey(SetLogging("debug", False))
    assert seen == [Logging(level="debug")]


def test_an_agent_has_no_score_and_a_call_that_is_off_no_signal_to_judge(bench: Bench) -> None:
    leg, port = bench.call(role="agent")
    with Sender(port, leg) as sender:
        bench.say(sender, 3)
    shots = bench.box.take(CallSnapshot)
    levels = [shot.agent["level_dbfs"] for shot in shots]
    assert max(level for level in levels if level is not None) > -30
    assert {shot.agent["raised_voice"] for shot in shots} == {None}
    assert shots[-1].customer == {}


def test_each_call_is_shown_and_the_worker_reports_once_a_second(bench: Bench) -> None:
    for number in range(3):
        bench.call(f"1.{number}")
    for _ in range(2 * TICKS_A_SECOND):
        bench.worker.tick()
    shown = sorted(shot.call for shot in bench.box.take(CallSnapshot))
    assert shown == sorted(["1.0", "1.1", "1.2"] * 2)
    stats = bench.box.take(WorkerStats)
    assert [stat.counters["ticks"] for stat in stats] == [10, 20]
    assert stats[-1].legs == 3
    assert set(stats[-1].tick_ms) == {"p50", "p99", "max"}
    assert {"dropped_frames", "cpu_ms", "stage_ingest_us", "stage_rules_us"} <= set(stats[-1].counters)


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        None,
        OpenLeg("no uuid", "1.1", "customer"),
        OpenLeg(str(uuid.uuid4()), "no such call", "customer"),
        CloseLeg("no such leg"),
        LegSource("no such leg", None),
        CloseCall("no such call"),
        LoadRules((("bad.yaml", "{"),)),
    ],
)
def test_a_message_that_makes_no_sense_does_no_harm(bench: Bench, message: Any) -> None:
    leg, port = bench.call()
    bench.worker.obey(message)
    with Sender(port, leg) as sender:
        bench.say(sender, 0.2)
    assert bench.box.take(LegConnected) == [LegConnected(leg)]


def test_messages_that_cannot_be_read_are_counted(bench: Bench) -> None:
    bench.box.inbox = ["nonsense", GarbledError("half a message"), StopWorker()]
    bench.worker.run()
    assert bench.worker._counters()["messages_malformed"] == 2


class Clock:
    """Virtual time in place of the module `time`: waiting for messages and slow ticks are what moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1_700_000_000 + self.now

    def process_time(self) -> float:
        return 0.0


def test_it_ticks_on_a_grid_that_a_slow_tick_does_not_shift(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, times = Clock(), list[float]()

    def receive(timeout: float) -> list[Any]:
        clock.now += timeout
        return [StopWorker()] if len(times) == 7 else []

    def slow_third_tick() -> None:
        times.append(round(clock.now - 1000, 6))
        clock.now += 0.25 if len(times) == 3 else 0.01

    monkeypatch.setattr("callguard.worker.process.time", clock)
    monkeypatch.setattr(bench.box, "receive", receive)
    monkeypatch.setattr(bench.worker, "tick", slow_third_tick)
    bench.worker.run()
    assert bench.box.take(WorkerReady)[0].audiosocket_port > 0
    assert times == [0.0, 0.1, 0.2, 0.45, 0.5, 0.6, 0.7]
    assert bench.worker._counters()["late_ticks"] == 1


def test_messages_are_obeyed_even_when_every_tick_is_late(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    def endless_tick() -> None:
        clock.now += 0.3
        bench.box.inbox.append(StopWorker())

    monkeypatch.setattr("callguard.worker.process.time", clock)
    monkeypatch.setattr(bench.worker, "tick", endless_tick)
    bench.worker.run()
    assert clock.now == pytest.approx(1000.3)
