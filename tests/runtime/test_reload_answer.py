"""The command line reads what became of the reload that it asked for, and of no earlier one."""

import threading
from pathlib import Path

import pytest

from callguard.runtime.reload_answer import ReloadAnswer, answer_file, read_answer, wait_for_answer, write_answer


def test_an_answer_is_read_as_it_was_written(tmp_path: Path) -> None:
    pid_file = tmp_path / "callguard-n1.pid"
    answer = ReloadAnswer(accepted=False, problems=("a: 1", "b: 2"), needs_restart=("node",), rules=7)
    write_answer(pid_file, answer)
    assert read_answer(pid_file) == answer


@pytest.mark.parametrize("text", ["", "{", "[]", '{"accepted": true}'])
def test_an_answer_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    pid_file = tmp_path / "callguard-n1.pid"
    answer_file(pid_file).write_text(text)
    assert read_answer(pid_file) is None


def test_an_earlier_answer_is_not_taken_for_the_new_one(tmp_path: Path) -> None:
    pid_file = tmp_path / "callguard-n1.pid"
    write_answer(pid_file, ReloadAnswer(accepted=True))
    before = read_answer(pid_file)
    assert wait_for_answer(pid_file, before, 0.1) is None
    later = ReloadAnswer(accepted=False, problems=("x",))
    threading.Timer(0.1, write_answer, (pid_file, later)).start()
    assert wait_for_answer(pid_file, before, 5) == later
