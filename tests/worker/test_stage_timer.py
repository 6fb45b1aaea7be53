"""A stage's time is its own: what it calls counts for the stage that is called."""

import time

import pytest

from callguard.worker.stage_timer import StageTimer


def work(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


class Stages:
    def outer(self, seconds: float) -> str:
        work(seconds)
        self.inner(2 * seconds)
        return "done"

    def inner(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("negative")
        work(seconds)


def test_time_is_counted_where_it_is_spent() -> None:
    stages, watch = Stages(), StageTimer()
    watch.watch(stages, "outer", "outer")
    watch.watch(stages, "inner", "inner")
    assert stages.outer(0.01) == "done"
    assert watch.ns["outer"] / 1e9 == pytest.approx(0.01, abs=0.002)
    assert watch.ns["inner"] / 1e9 == pytest.approx(0.02, abs=0.002)


def test_a_stage_that_raises_is_counted_and_raises() -> None:
    stages, watch = Stages(), StageTimer()
    watch.watch(stages, "inner", "inner")
    with pytest.raises(ValueError, match="negative"):
        stages.inner(-1)
    assert watch.ns["inner"] > 0
