"""A soak's verdict: what grows, and what is left over."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from benchmarks.soak_figures import (
    GROWTH_LIMIT_MIB_H,
    SLACK,
    WARM_UP,
    Sample,
    children,
    descriptors,
    growth,
    leftovers,
    problems,
    resident_mib,
    slope_h,
    table,
)

EMPTY = Sample(**{field.name: 0 for field in fields(Sample)})


def test_a_slope_is_told_an_hour_and_is_deaf_to_one_jump() -> None:
    steady = [(float(at), at * 2 / 3600) for at in range(0, 300, 10)]
    assert slope_h(steady) == pytest.approx(2.0)
    jumped = [(at, 100.0 if at >= 290 else 100.0 - 3.0) for at in range(0, 300, 10)]
    assert slope_h(jumped) == 0.0
    assert slope_h([(0.0, 1.0)]) == 0.0


def test_growth_counts_from_the_warm_up_to_the_last_call() -> None:
    def control(at: float) -> float:
        return at if at < 600 * WARM_UP else 400.0 + at / 3600 if at <= 600 else 900.0

    samples = [replace(EMPTY, at_s=at, control_mib=control(at)) for at in range(0, 700, 10)]
    assert growth(samples, 600) == {"control_mib": pytest.approx(1.0), "worker_mib": 0.0, "pbx_mib": 0.0}


def test_what_was_not_there_before_the_first_call_is_left_over() -> None:
    before = replace(EMPTY, tasks=9, fds=20)
    assert leftovers(before, replace(EMPTY, tasks=9 + SLACK["tasks"], fds=10)) == []
    after = replace(EMPTY, calls=1, channels=2, tasks=10 + SLACK["tasks"], worker_fds=30)
    assert leftovers(before, after) == [
        "1 calls",
        "2 channels",
        f"{SLACK['tasks'] + 1} more tasks",
        "30 more worker_fds",
    ]


def test_a_soak_passes_only_without_growth_leftovers_and_silence() -> None:
    assert problems({"control_mib": GROWTH_LIMIT_MIB_H}, [], 0) == []
    found = problems({"control_mib": 90.0}, ["1 calls"], 2)
    assert found == [
        "control_mib grows by 90 an hour",
        "left after the last call: 1 calls",
        "2 commands without an answer",
    ]


def test_processes_are_looked_at_by_the_kernels_own_figures(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in children(os.getpid())
        assert resident_mib(os.getpid()) > 10
        before = descriptors(os.getpid())
        with (tmp_path / "file").open("w"):
            assert descriptors(os.getpid()) == before + 1
    finally:
        child.communicate(b"\n")
    assert resident_mib(child.pid) == 0.0


def test_the_table_has_a_line_a_sample_under_its_names() -> None:
    lines = table([EMPTY, replace(EMPTY, at_s=10.0)]).splitlines()
    assert lines[0].split() == [field.name for field in fields(Sample)]
    assert [len(line.split()) for line in lines] == [len(fields(Sample))] * 3
