"""A run of wrong changes tells which of them no test noticed, and fails where there are too many."""

from pathlib import Path

import pytest

from tools.mutants import Part, main, mirror

CODE = "def grown(age):\n    return age >= 18\n"
GOOD = "from callguard.room.age import grown\n\ndef test_it():\n    assert [*map(grown, (17, 18, 19))] == [0, 1, 1]\n"
WEAK = "from callguard.room.age import grown\n\ndef test_it():\n    assert grown(30)\n"
PARTS = {"room": Part(("callguard/room/*.py",), ("tests/wide",)), "other": Part(("callguard/none/*.py",), ())}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with a module and its tests; the caller's own is put back in force at the end."""
    monkeypatch.setenv("PYTHONPATH", "")
    for name, text in (("callguard/room/age.py", CODE), ("tests/room/test_age.py", GOOD)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(repository: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main([*words], repository, PARTS)
    return status, capsys.readouterr().out


def test_tests_that_notice_every_change_are_good_enough(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = run(repository, capsys)
    assert status == 0
    assert "room               2       2        0   100%" in out
    assert (repository / "callguard/room/age.py").read_text() == CODE


def test_a_change_that_nobody_notices_is_shown_and_a_wider_test_may_notice_it(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "tests/room/test_age.py").write_text(WEAK)
    status, out = run(repository, capsys, "room", "--count", "1")
    assert status == 1
    assert "SURVIVED callguard/room/age.py:2 " in out
    assert "-    return age >= 18\n+    return age " in out
    (repository / "tests/wide").mkdir()
    (repository / "tests/wide/test_all.py").write_text(GOOD)
    assert run(repository, capsys, "--count", "1")[0] == 0


def test_tests_that_fail_without_a_change_end_the_run(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "tests/room/test_age.py").write_text("def test_it():\n    assert False\n")
    with pytest.raises(SystemExit, match="fail without any change"):
        run(repository, capsys)


def test_an_unknown_part_is_refused_with_those_there_are(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["rooms"], repository, PARTS)
    assert caught.value.code == 2
    assert "no such part: rooms; allowed: room, other" in capsys.readouterr().err


def test_the_mirror_of_a_module_is_its_test_file() -> None:
    assert mirror(Path("callguard/rules/engine/rule.py")) == Path("tests/rules/engine/test_rule.py")
    assert mirror(Path("callguard/ari_app.py")) == Path("tests/test_ari_app.py")
