"""`callguard init` says what is missing by its key, asks only at a terminal, and exits 0, 1 or 2."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callguard.cli import init as command
from callguard.doctor.findings import Finding, Level
from callguard.setup import run
from callguard.setup.interview import Interview
from callguard.setup.run import Options, Outcome, Screen

app = typer.Typer()
command.register(app)


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch) -> list[Level]:
    """Levels of the findings that init gets."""
    levels: list[Level] = ["ok"]

    async def set_up(interview: Interview, options: Options, screen: Screen) -> Outcome:
        interview.tell("bold", f"folder {options.folder}")
        findings = [Finding(level, "selftest", "whisper") for level in levels]
        screen.findings(findings)
        return Outcome(["/x"], findings, 4.2)

    monkeypatch.setattr(run, "set_up", set_up)
    return levels


def call(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.stdout, done.stderr


def test_a_proved_whisper_is_told_with_the_time_and_the_next_step(result: list[Level], tmp_path: Path) -> None:
    status, out, _ = call("--yes", "--folder", str(tmp_path))
    assert status == 0
    assert "a whisper is proved, 4 s after init began" in out
    assert "systemctl enable --now callguard" in out
    assert str(tmp_path / "callguard.yaml") in out


def test_an_unproved_whisper_is_exit_code_1(result: list[Level]) -> None:
    result.append("error")
    status, out, _ = call("--yes")
    assert status == 1
    assert "not proved" in out


def test_programs_get_json_alone(result: list[Level]) -> None:
    status, out, _ = call("--yes", "--json")
    assert status == 0
    assert json.loads(out) == {
        "proved": True,
        "seconds": 4.2,
        "files": ["/x"],
        "findings": [{"level": "ok", "area": "selftest", "text": "whisper", "advice": ""}],
    }


def test_without_a_terminal_nobody_is_asked(result: list[Level]) -> None:
    status, _, err = call()
    assert status == 2
    assert "--yes with --answers FILE" in err


def test_missing_and_wrong_answers_are_exit_code_2(tmp_path: Path) -> None:
    answers = tmp_path / "answers.yaml"
    answers.write_text(f"asterisk: {{folder: {tmp_path}}}")
    status, _, err = call("--yes", "--folder", str(tmp_path / "out"), "--answers", str(answers))
    assert status == 2
    assert "asterisk.install: missing" in err
    answers.write_text("asterisk: {instal: true}")
    status, _, err = call("--yes", "--answers", str(answers))
    assert status == 2
    assert "did you mean 'install'?" in err


def test_help_teaches_the_answers_that_must_be_given() -> None:
    out = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["--help"]).stdout
    assert all(word in out for word in ("native_rtp: unload", "others: ignore", "trunks: customer", "supervisors:"))
