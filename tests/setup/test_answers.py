"""A file of answers is read strictly: each error names file, line, key and what is allowed."""

from pathlib import Path

import pytest

from callguard.config import ConfigError
from callguard.setup.answers import Answers, load_answers

FULL = """
asterisk: {folder: /etc/asterisk, install: true, native_rtp: unload, ari: {url: "http://127.0.0.1:8088"}}
roles: {agents: [PJSIP/201], others: ignore, trunks: customer, dial_caller: unknown}
queues: {"400": {team: floor, mode: off}}
supervisors: [{name: lead, endpoint: PJSIP/301, teams: [floor]}]
"""


def test_answers_are_found_by_their_keys(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(FULL)
    answers = load_answers(file)
    assert answers.given("asterisk.install") is True
    assert answers.given("roles.agents") == ("PJSIP/201",)
    assert answers.given("asterisk.command") is None
    assert answers.given("redis") is None
    assert answers.queues is not None
    assert answers.queues["400"].mode == "off"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("roles: {others: ignored}", ("roles.others", "ignore, unknown", "ignored")),
        ("role: {}", ("role", "did you mean 'roles'?")),
        ("supervisors: [{name: lead, endpoint: '301'}]", ("supervisors.0.endpoint", "PJSIP/supervisor1")),
        ("asterisk: {ari: {secret: plain-secret}}", ("asterisk.ari.secret", "{env: NAME}")),
    ],
)
def test_a_wrong_answer_is_named(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_answers(file)
    (problem,) = error.value.problems
    assert problem.startswith(f"{file}:1: ")
    assert all(word in problem for word in words)
    assert "plain-secret" not in problem


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: can't be read"):
        load_answers(tmp_path / "none.yaml")


def test_every_answer_is_described() -> None:
    assert not [name for name, field in Answers.model_fields.items() if not field.description]
