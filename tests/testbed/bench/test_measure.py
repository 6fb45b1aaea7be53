"""A measurement: real sockets, a real worker, every alert accounted for."""

import os
import signal
from pathlib import Path

import pytest

from callguard.control.worker_pool import MediaError
from callguard.testbed.bench.load import Source
from callguard.testbed.bench.measure import Bench


@pytest.mark.parametrize("source", ["audiosocket", "rtp"])
async def test_a_short_run_accounts_for_its_cost_its_frames_and_its_alerts(source: Source) -> None:
    phases: dict[str, float] = {}
    result = await Bench(4, source, 2.5, 0.4, phases.__setitem__).run()
    assert (result["legs"], result["seconds"], result["source"]) == (4, 2.5, source)
    assert result["dropped_frames"] == result["lost_frames"] == result["lost_legs"] == 0
    assert result["legs_per_core"] == pytest.approx(1 / result["cpu_s_per_leg_s"], rel=0.001, abs=1)  # whole legs
    assert set(result["tick_ms"]) == {"p50", "p99", "max"}
    assert 0 < result["tick_ms"]["p50"] <= result["tick_ms"]["max"]
    assert result["alerts"]["due"] == result["alerts"]["came"] > 0
    assert 0 < result["alert_latency_ms"]["p50"] < 2000
    assert {"ingest", "vad", "features", "model", "rules"} <= set(result["stage_us_per_leg_s"])
    assert set(phases) == {"opening legs", "playing"}


async def test_a_load_generator_that_dies_is_told_and_leaves_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill_it(phase: str, _: float) -> None:
        if phase == "playing":
            os.kill(children("callguard.testbed.bench")[0], signal.SIGKILL)

    with pytest.raises(MediaError, match="load generator ended"):
        await Bench(2, "audiosocket", 30, 0.4, kill_it).run()
    assert children("callguard.testbed.bench") == children("callguard.worker") == []


def children(module: str) -> list[int]:
    """Return this process's children that run a module."""
    processes = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in processes if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
