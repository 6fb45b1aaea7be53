"""Rule files: the good ones load, each bad one is refused with file, line, rule, column and what is allowed."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callguard.config import ConfigError
from callguard.config.shipped import rule_files
from callguard.rules import load_rules

DATA = Path(__file__).parent / "testdata"
BAD = sorted((DATA / "bad").glob("*.yaml"))


@pytest.mark.parametrize("path", sorted((DATA / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_good_files_load(path: Path) -> None:
    load_rules([(path.name, path.read_text("utf-8"))])


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_files_are_refused_in_one_clear_line(path: Path) -> None:
    text = path.read_text("utf-8")
    expected = text.splitlines()[0].removeprefix("# expect: ")
    with pytest.raises(ConfigError) as error:
        load_rules([(path.name, text)])
    assert expected in error.value.problems[0]
    assert error.value.problems[0].startswith(f"{path.name}:")
    assert "\n" not in error.value.problems[0]


def test_everything_in_a_rule_arrives() -> None:
    path = DATA / "good" / "everything.yaml"
    (rule,) = load_rules([("x.yaml", path.read_text("utf-8"))])
    assert (rule.for_s, rule.keep_firing_for_s, rule.severity, rule.leg) == (90.0, 0.5, "critical", "customer")
    assert rule.labels["since"] == "2026-01-01"
    assert rule.scope.modes == ("raised_voice",)
    assert rule.shadow


def test_a_set_is_refused_as_a_whole_and_every_problem_is_named() -> None:
    good = (DATA / "good" / "everything.yaml").read_text("utf-8")
    files = [("good.yaml", good), *((path.name, path.read_text("utf-8")) for path in BAD)]
    with pytest.raises(ConfigError) as error:
        load_rules(files)
    named = {problem.split(":")[0] for problem in error.value.problems}
    assert {path.name for path in BAD} <= named


def test_a_later_file_gives_a_threshold_its_value() -> None:
    rule = "thresholds: {raised: 0.6}\ngroups: [{name: g, rules: [{alert: A, expr: customer.raised_voice > raised}]}]"
    assert load_rules([("a", rule), ("b", "thresholds: {raised: 0.5}")]).thresholds == {"raised": 0.5}


SHIPPED = [(path.name, path.read_text("utf-8")) for path in rule_files()]


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("  raised: 0.6", "  raised: loud", "thresholds.yaml:11: thresholds.raised: expected a number, found 'loud'"),
        ("  raised: 0.6", "  raised: [", "thresholds.yaml:"),
        ("  raised: 0.6", "  raisd: 0.6", "unknown name 'raised'; did you mean 'raisd'?"),
    ],
)
def test_one_bad_threshold_is_one_problem_however_many_rules_use_it(line: str, instead: str, said: str) -> None:
    assert line in dict(SHIPPED)["thresholds.yaml"]
    spoilt = [(name, text.replace(line, instead)) for name, text in SHIPPED]
    with pytest.raises(ConfigError) as error:
        load_rules(spoilt)
    (problem,) = error.value.problems
    assert said in problem


def test_an_unknown_name_is_told_once_with_all_rules_that_use_it() -> None:
    text = "groups: [{name: g, rules: [%s]}]"
    rules = ", ".join(f"{{alert: {name}, expr: customer.raised_voice > loud}}" for name in "ABC")
    with pytest.raises(ConfigError) as error:
        load_rules([("a", text % rules)])
    (problem,) = error.value.problems
    assert problem.startswith("a:1: rule A: expr column 25: unknown name 'loud'")
    assert problem.endswith("; also used by B, C")


def test_reading_anger_narrows_a_rule_to_mode_emotion() -> None:
    (rule,) = load_rules([("a", "groups: [{name: g, rules: [{alert: A, expr: customer.anger > 0.5}]}]")])
    assert rule.scope.modes == ("emotion",)


yaml_words = st.sampled_from(
    ["groups:", "- name: a", "rules:", "- alert: A", "expr: ", "customer.speech > 1", "&a", "*a", "!!bool x", "!!int y",
     "!!timestamp z", "<<: *a", "? [a]", "{", "}", "[", "]", "'", '"', "\t", "|", ">", "#", "thresholds:", "a: .inf",
     "---",     "%YAML 9", "labels: {a: b}", "for: 1s", "0x_", "2026-99-99", "= 1"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.lists(st.tuples(st.integers(0, 6), yaml_words)).map(lambda ls: "\n".join(" " * i + w for i, w in ls)),
    )
)
@example("[" * 5000)
@example("a: &a [*a, *a]")
@example("\n".join(["a: &a0 [x]", *(f"b{i}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]" for i in range(9))]))
@example("thresholds: {a: !!float .nan}")
@example("groups: [{name: g, rules: [{alert: A, expr: '\x85'}]}]")
@example("true: {}")
def test_garbage_raises_nothing_but_config_errors(text: str) -> None:
    problems: list[str] = []
    try:
        load_rules([("garbage.yaml", text)])
    except ConfigError as error:
        problems = error.problems
    assert all(problem.startswith("garbage.yaml:") for problem in problems)
