"""`callguard rules`: exit codes, readable output, JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from callguard.cli import rules as module

PACK = Path(__file__).parent.parent.parent / "config" / "rules"


@pytest.fixture
def program() -> typer.Typer:
    app = typer.Typer()
    module.register(app)
    return app


def run(program: typer.Typer, *words: object) -> Result:
    return CliRunner().invoke(program, ["rules", *map(str, words)], env={"COLUMNS": "120"})


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text("groups: [{name: g, rules: [{alert: A, expr: customer.raised_voise > 1}]}]")
    return path


@pytest.fixture
def signals(tmp_path: Path) -> Path:
    rows = [f"{step / 10},customer,{0.9 if 1000 <= step < 1300 else 0.2}" for step in range(1, 2000)]
    path = tmp_path / "call.csv"
    path.write_text("\n".join(["t_s,leg,raised_voice", *rows]))
    return path


def test_check_of_good_files(program: typer.Typer) -> None:
    result = run(program, "check", PACK)
    assert (result.exit_code, result.output) == (0, "ok: 12 rules, 8 thresholds\n")


def test_check_of_a_bad_file(program: typer.Typer, bad: Path) -> None:
    result = run(program, "check", bad)
    assert result.exit_code == 1
    assert f"{bad}:1: rule A: expr column 1: unknown signal" in result.stderr
    problems = json.loads(run(program, "check", bad, "--json").stdout)
    assert problems["ok"] is False
    assert "did you mean 'customer.raised_voice'?" in problems["problems"][0]


def test_check_of_nothing(program: typer.Typer, tmp_path: Path) -> None:
    assert run(program, "check", tmp_path / "no.yaml").exit_code == 2
    assert "no rule files" in run(program, "check", tmp_path).stderr


def test_the_packs_tests_pass(program: typer.Typer) -> None:
    result = run(program, "test", *PACK.glob("tests/*.yaml"))
    assert result.exit_code == 0, result.output
    assert "0 failed" in result.output


def test_a_failing_test_shows_the_difference(program: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(
        f"rule_files: [{PACK}/thresholds.yaml, {PACK}/customer.yaml]\n"
        "tests:\n"
        "  - name: too eager\n"
        '    series: {customer.raised_voice: "0.9x5s"}\n'
        "    expect:\n"
        "      - {at: 500ms, firing: [CustomerRaisedVoice]}\n"
    )
    result = run(program, "test", path)
    assert result.exit_code == 1
    assert f"{path}:6: FAILED too eager" in result.output
    assert "firing    expected CustomerRaisedVoice, found none" in result.output
    assert json.loads(run(program, "test", path, "--json").stdout)["failures"][0]["line"] == 6


def test_a_test_file_that_cannot_be_read_is_a_usage_error(program: typer.Typer, tmp_path: Path) -> None:
    result = run(program, "test", tmp_path / "none.yaml")
    assert result.exit_code == 2
    assert "can't be read" in result.stderr


def test_backtest_shows_a_change_side_by_side(program: typer.Typer, signals: Path) -> None:
    words = ("backtest", signals, "--rules", PACK, "--set", "shouting=0.95", "--set", "raised=0.5")
    result = run(program, *words)
    assert result.exit_code == 0, result.output
    assert "rings per supervisor-hour: 360" in result.output
    both = json.loads(run(program, *words, "--json").stdout)
    fires = {side: {t["rule"]: t["fires"] for t in both[side]["totals"]} for side in ("before", "after")}
    assert (fires["before"]["SustainedShouting"], fires["after"]["SustainedShouting"]) == (1, 0)
    assert both["change"] == "shouting=0.95, raised=0.5"


def test_backtest_of_minutes_says_that_its_rates_are_extrapolated(program: typer.Typer, signals: Path) -> None:
    result = run(program, "backtest", signals, "--rules", PACK)
    assert "Rates per hour are extrapolated from" in result.output
    assert " min of calls, 10 calls at once per supervisor" in result.output
    assert json.loads(run(program, "backtest", signals, "--rules", PACK, "--json").stdout)["before"]["extrapolated"]


def test_backtest_against_another_rule_set(program: typer.Typer, signals: Path) -> None:
    words = ("backtest", signals, "-r", PACK, "--against", PACK, "--against", PACK / "settings", "--json")
    assert json.loads(run(program, *words).stdout)["after"]["totals"]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_backtest_draws(program: typer.Typer, signals: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"plot.{ending}"
    assert run(program, "backtest", signals, "-r", PACK, "--set", "raised=0.7", "--plot", path).exit_code == 0
    assert path.read_bytes()[:5] in {b"\x89PNG\r", b"<?xml"}


def test_backtest_hears_recordings_through_the_live_pipeline(program: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros((16000, 2), np.int16), 8000)
    both = json.loads(run(program, "backtest", path, "-r", PACK, "--json").stdout)
    assert both["before"]["hours"] == pytest.approx(2 / 3600, abs=1e-4)
    assert both["before"]["fires"] == []


def test_backtest_of_what_is_no_recording(program: typer.Typer, tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_text("no audio")
    result = run(program, "backtest", path, "-r", PACK)
    assert result.exit_code == 2
    assert "call.wav" in result.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--mode", "off"], "allowed: raised_voice, emotion"),
        (["--set", "raisd=1"], "did you mean 'raised'?"),
        (["--plot", "x.doc"], "allowed suffixes: .png"),
        (["--plot", "/nowhere/x.png"], "No such file"),
        (["--against", "/nowhere.yaml"], "can't be read"),
    ],
)
def test_backtest_refuses_wrong_usage(program: typer.Typer, signals: Path, words: list[str], problem: str) -> None:
    result = run(program, "backtest", signals, "-r", PACK, *words)
    assert result.exit_code == 2
    assert problem in result.stderr.replace("\n", "")


def test_tests_may_be_given_as_a_folder(program: typer.Typer) -> None:
    result = run(program, "test", PACK / "tests")
    assert result.exit_code == 0
    assert "23 tests, 0 failed" in result.output


def test_backtest_takes_the_configured_rules_by_default(program: typer.Typer, signals: Path, bad: Path) -> None:
    config = signals.parent / "callguard.yaml"
    config.write_text(f"rules: {{files: ['{PACK}/*.yaml']}}")
    told = json.loads(run(program, "backtest", signals, "--config", config, "--json").stdout)
    assert "CustomerRaisedVoice" in {total["rule"] for total in told["before"]["totals"]}
    config.write_text(f"rules: {{files: ['{bad}']}}")
    assert run(program, "backtest", signals, "--config", config).exit_code == 2


def test_backtest_against_thresholds_alone_is_refused(program: typer.Typer, signals: Path) -> None:
    result = run(program, "backtest", signals, "-r", PACK, "--against", PACK / "settings")
    assert result.exit_code == 2
    assert "give the whole set" in result.stderr


def test_an_unknown_threshold_names_those_that_exist(program: typer.Typer, signals: Path) -> None:
    result = run(program, "backtest", signals, "-r", PACK, "--set", "nope=1")
    assert "known: " in result.stderr
    assert "shouting" in result.stderr
