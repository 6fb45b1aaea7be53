"""A stage's time is its own: what is inside it in a span of its own counts for that one."""

import time

import pytest

from callguard.worker.stage_timer import StageTimer


def work(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_time_is_counted_where_it_is_spent() -> None:
    spans = StageTimer()
    with spans("signals"):
        work(0.01)
        with spans("vad"):
            work(0.02)
    assert spans.ns["signals"] / 1e9 == pytest.approx(0.01, abs=0.002)
    assert spans.ns["vad"] / 1e9 == pytest.approx(0.02, abs=0.002)


def test_a_stage_adds_up() -> None:
    spans = StageTimer()
    for _ in range(3):
        with spans("bank"):
            work(0.005)
    assert spans.ns["bank"] / 1e9 == pytest.approx(0.015, abs=0.002)


def test_a_stage_that_raises_is_counted_and_raises() -> None:
    spans = StageTimer()

    def fail() -> None:
        with spans("signals"), spans("vad"):
            work(0.005)
            raise ValueError("negative")

    with pytest.raises(ValueError, match="negative"):
        fail()
    assert spans.ns["vad"] / 1e9 == pytest.approx(0.005, abs=0.002)
    assert spans.ns["signals"] < spans.ns["vad"] / 2
