"""A stage's time is its own: what it calls counts for the stage that is called."""

import time

import pytest

from callguard.stopwatch import Stopwatch


class Stages:
    def outer(self, seconds: float) -> str:
        time.sleep(seconds)
        self.inner(2 * seconds)
        return "done"

    def inner(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("negative")
        time.sleep(seconds)


def test_time_is_counted_where_it_is_spent() -> None:
    stages, watch = Stages(), Stopwatch()
    watch.watch(stages, "outer", "outer")
    watch.watch(stages, "inner", "inner")
    assert stages.outer(0.01) == "done"
    assert watch.ns["outer"] / 1e9 == pytest.approx(0.01, abs=0.008)
    assert watch.ns["inner"] / 1e9 == pytest.approx(0.02, abs=0.008)


def test_a_stage_that_raises_is_counted_and_raises() -> None:
    stages, watch = Stages(), Stopwatch()
    watch.watch(stages, "inner", "inner")
    with pytest.raises(ValueError, match="negative"):
        stages.inner(-1)
    assert watch.ns["inner"] > 0
