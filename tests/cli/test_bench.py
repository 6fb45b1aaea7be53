"""`callguard bench`: the contract's JSON for programs, a table for people."""

import json

import typer
from typer.testing import CliRunner

from callguard.cli import bench

app = typer.Typer()
bench.register(app)

CONTRACT = {
    "legs",
    "seconds",
    "source",
    "cpu_s_per_leg_s",
    "legs_per_core",
    "tick_ms",
    "late_ticks",
    "dropped_frames",
    "alert_latency_ms",
    "stage_us_per_leg_s",
}


def test_json_holds_what_programs_rely_on() -> None:
    done = CliRunner().invoke(app, ["--legs", "2", "--seconds", "1", "--source", "rtp", "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert set(result) >= CONTRACT
    assert set(result["alert_latency_ms"]) == {"p50", "p95", "p99"}


def test_people_get_a_table() -> None:
    done = CliRunner().invoke(app, ["--legs", "2", "--seconds", "1"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    for words in ("2 legs, audiosocket, 1 s", "legs that one core carries", "late ticks", "ingest"):
        assert words in done.stdout


def test_a_wrong_source_is_a_usage_error() -> None:
    assert CliRunner().invoke(app, ["--source", "pigeon"]).exit_code == 2
