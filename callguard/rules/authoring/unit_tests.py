"""Run unit tests of rules, which are data: signal series, and the alerts expected at given times.

rule_files: [../customer.yaml]
tests:
  - name: one shout is not an alarm
    facts: {queue: support}
    series:
      customer.raised_voice: "0.2x5s 0.9x500ms 0.2x5s"
    expect:
      - {at: 8s, firing: []}
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from callguard.audio.frames import HOP_S
from callguard.config.source import ConfigError, Document, read_document
from callguard.contracts.messages import CallFacts, Transition
from callguard.rules.authoring.files import load_rules
from callguard.rules.authoring.replay import Recorded, replay, usual
from callguard.rules.authoring.series import parse_series
from callguard.rules.engine.engine import RuleEngine
from callguard.rules.engine.rule import RuleSet
from callguard.rules.language import symbols
from callguard.rules.language.ast import Ref
from callguard.rules.language.durations import format_duration, parse_duration

Duration = Annotated[float, BeforeValidator(parse_duration)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Facts(_Strict):
    """Facts of the call under test."""

    mode: Literal["raised_voice", "emotion"] = "raised_voice"
    queue: str | None = None
    language: str | None = None


class Expected(_Strict):
    """The state expected at one time. A list is complete: no other rule may be in that state."""

    at: Duration
    firing: tuple[str, ...] | None = Field(None, strict=False)
    pending: tuple[str, ...] | None = Field(None, strict=False)
    fired: tuple[str, ...] | None = Field(None, strict=False)
    summary: dict[str, str] = {}


class UnitTest(_Strict):
    """One unit test of rules."""

    name: str = Field(min_length=1)
    facts: Facts = Facts()
    series: dict[str, str]
    expect: tuple[Expected, ...] = Field(strict=False, min_length=1)


class UnitTestFile(_Strict):
    """A file of unit tests; `step` is the time in seconds between two values of a series."""

    rule_files: tuple[str, ...] = Field(strict=False, min_length=1)
    step: Duration = HOP_S
    tests: tuple[UnitTest, ...] = Field(strict=False, min_length=1)


class Failure(BaseModel):
    """One unmet expectation."""

    file: str
    line: int
    test: str
    message: str


def run_unit_tests(name: str, text: str, read: Callable[[str], tuple[str, str]]) -> tuple[int, list[Failure]]:
    """Run a file of unit tests; return the number of tests and the failures.

    Args:
        name: the file's name in messages.
        text: the file's text.
        read: returns the name and text of a rule file by its name in the test file; may raise ConfigError.

    Raises ConfigError when the file is invalid, or a rule file that it names is invalid or missing.
    """
    document = read_document(name, text)
    try:
        file = UnitTestFile.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(document.problems(error, UnitTestFile)) from error
    rules = load_rules([read(each) for each in file.rule_files])
    failures = [
        failure for index, test in enumerate(file.tests) for failure in _run(document, index, test, file.step, rules)
    ]
    return len(file.tests), failures


def _run(document: Document, index: int, test: UnitTest, step_s: float, rules: RuleSet) -> list[Failure]:
    call = _recorded(document, index, test, step_s)
    seen: dict[int, dict[str, str]] = {}

    def watch(now: float, engine: RuleEngine) -> None:
        seen[round(now / step_s)] = engine.states(0)

    transitions = replay(rules, [call], watch)[0]
    failures = []
    for number, expected in enumerate(test.expect):
        line = document.line_within(("tests", index, "expect", number), 1)
        step = round(expected.at / step_s)
        wrong = _unusable(expected, rules) or ("" if step in seen else "the series ends before")
        if wrong:
            at = format_duration(expected.at)
            raise ConfigError([f"{document.name}:{line}: test {test.name!r}: at {at}: {wrong}"])
        found = _differences(expected, seen[step], [each for each in transitions if each.at <= expected.at + 1e-6])
        if found:
            lines = [f"at {format_duration(expected.at)}:", *found, f"  signals   {_values(call, step - 1)}"]
            failures.append(Failure(file=document.name, line=line, test=test.name, message="\n".join(lines)))
    return failures


def _unusable(expected: Expected, rules: RuleSet) -> str:
    known = [rule.name for rule in rules]
    named = [*(expected.firing or ()), *(expected.pending or ()), *(expected.fired or ()), *expected.summary]
    unknown = next((name for name in named if name not in known), None)
    return "" if unknown is None else f"no rule {unknown!r}{symbols.nearest(unknown, known)}; known: {', '.join(known)}"


def _recorded(document: Document, index: int, test: UnitTest, step_s: float) -> Recorded:
    signals: dict[Ref, Any] = {}
    for key, text in test.series.items():
        try:
            signals[symbols.resolve(key)] = parse_series(text, step_s)
        except ValueError as error:
            where = ("tests", index, "series", key)
            raise ConfigError([document.at(where, f"test {test.name!r}: {key}: {error}")]) from error
    steps = max((len(values) for values in signals.values()), default=0)
    given = {ref: np.array(values + [np.nan] * (steps - len(values)), np.float32) for ref, values in signals.items()}
    facts = CallFacts("0", test.facts.mode, test.facts.queue, test.facts.language)
    return Recorded(test.name, usual(steps, step_s) | given, facts, step_s)


def _differences(expected: Expected, states: dict[str, str], past: list[Transition]) -> list[str]:
    fired = [each for each in past if each.kind == "fired"]
    checks = (
        ("firing", expected.firing, {name for name, state in states.items() if state == "firing"}),
        ("pending", expected.pending, {name for name, state in states.items() if state == "pending"}),
        ("fired", expected.fired, {each.rule for each in fired}),
    )
    found = [
        f"  {word:<9} expected {_listed(set(wanted))}, found {_listed(present)}"
        for word, wanted, present in checks
        if wanted is not None and set(wanted) != present
    ]
    last = {each.rule: each.annotations.get("summary", "") for each in fired}
    return found + [
        f"  summary   {rule}: expected {text!r}, found {last.get(rule)!r}"
        for rule, text in expected.summary.items()
        if last.get(rule) != text
    ]


def _listed(rules: set[str]) -> str:
    return ", ".join(sorted(rules)) or "none"


def _values(call: Recorded, step: int) -> str:
    return ", ".join(f"{ref}={values[step]:g}" for ref, values in call.signals.items() if values[step] == values[step])
