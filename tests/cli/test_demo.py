"""`callguard demo` plays as long as it was asked to and says by its exit code whether all was seen."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from callguard.cli import demo as command
from callguard.testbed.demo import run

app = typer.Typer()
command.register(app)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    told: dict[str, Any] = {"seen": True}

    async def play(tell: Any, seconds: float | None, *, simulated: bool) -> bool:
        told.update(seconds=seconds, simulated=simulated)
        tell("", "a call [begins]")
        return bool(told["seen"])

    monkeypatch.setattr(run, "demo", play)
    monkeypatch.delenv("DEMO_SECONDS", raising=False)
    return told


def call(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def test_off_a_terminal_one_call_is_played(played: dict[str, Any]) -> None:
    assert call() == (0, "a call [begins]\n")
    assert (played["seconds"], played["simulated"]) == (None, False)


def test_the_time_may_be_given(played: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_SECONDS", "90")
    assert call("--simulated")[0] == 0
    assert (played["seconds"], played["simulated"]) == (90.0, True)


@pytest.mark.parametrize("given", ["soon", "-5", "1.5", ""])
def test_a_time_that_is_none_is_refused(played: dict[str, Any], monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DEMO_SECONDS", given)
    status, out = call()
    assert status == 2
    assert f"DEMO_SECONDS: found {given!r}, expected whole seconds" in out
    assert "seconds" not in played


def test_what_was_not_seen_is_a_failure(played: dict[str, Any]) -> None:
    played["seen"] = False
    assert call()[0] == 1
