"""`callguard files` tells where the shipped files lie."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callguard.cli import files as command

app = typer.Typer()
command.register(app)


def call(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def test_all_kinds_are_listed_with_their_meaning() -> None:
    status, out = call()
    assert status == 0
    for word in ("rules", "systemd unit, for /etc/systemd/system/", "snippets of Asterisk's configuration"):
        assert word in out


def test_one_kind_is_its_path_alone() -> None:
    status, out = call("unit")
    assert status == 0
    assert Path(out.strip()).name == "callguard.service"
    assert Path(out.strip()).is_file()


def test_programs_get_paths_by_kind() -> None:
    found = json.loads(call("--json")[1])
    assert Path(found["runbooks"], "shouting.md").is_file()


@pytest.mark.parametrize("given", ["rule", "/etc"])
def test_an_unknown_kind_is_refused_with_the_known_ones(given: str) -> None:
    status, out = call(given)
    assert status == 2
    assert f"no shipped files of kind {given!r}; kinds: config, rules, asterisk, unit" in out.replace("\n", " ")
