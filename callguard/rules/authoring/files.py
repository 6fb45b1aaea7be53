"""Turn rule files (YAML in Prometheus' form) into a checked `RuleSet`, or list every problem by line and column."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from callguard.config.schema import Day, Hours
from callguard.config.source import ConfigError, Document, Path, read_document
from callguard.rules.authoring import checks
from callguard.rules.engine.rule import Rule, RuleSet
from callguard.rules.engine.scope import Scope
from callguard.rules.language.durations import parse_duration
from callguard.rules.language.lexer import ExpressionError, UnknownNameError
from callguard.rules.language.parser import FUNCTIONS, LARGEST, WORDS, parse
from callguard.rules.language.template import Template, parse_template

ACTION: Final = re.compile(
    r"notify|offer_whisper|ring|ring_listen|ring_whisper|ring_barge|queue_log|user_event|cel"
    r"|(?:prompt|webhook|email):[A-Za-z0-9_.-]+",
    re.ASCII,
)
ACTIONS_HELP: Final = (
    "notify, offer_whisper, ring, ring_listen, ring_whisper, ring_barge, prompt:NAME, webhook:NAME, email:NAME, "
    "queue_log, user_event, cel"
)


def _action(value: object) -> object:
    if isinstance(value, str) and not ACTION.fullmatch(value):
        raise ValueError(f"unknown action; allowed: {ACTIONS_HELP}")
    return value


Duration = Annotated[float, BeforeValidator(parse_duration)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=80)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]
Threshold = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RuleText(_Strict):
    """One rule as written."""

    alert: Name
    expr: Text
    for_s: Duration = Field(0.0, alias="for")
    keep_firing_for: Duration = 0.0
    labels: dict[Name, str] = {}
    annotations: dict[Literal["summary", "description", "runbook_url"], Text] = {}
    actions: tuple[Annotated[str, BeforeValidator(_action)], ...] = Field((), strict=False)
    queues: tuple[Text, ...] = Field((), strict=False)
    languages: tuple[Text, ...] = Field((), strict=False)
    modes: tuple[Literal["raised_voice", "emotion"], ...] | None = Field(None, strict=False)
    hours: Hours | None = None
    days: tuple[Day, ...] = Field((), strict=False)
    shadow: bool = False
    private: bool = False


class GroupText(_Strict):
    """One group as written."""

    name: Text
    rules: tuple[RuleText, ...] = Field(strict=False)


class FileText(_Strict):
    """One rule file as written."""

    thresholds: dict[Name, Threshold] = {}
    groups: tuple[GroupText, ...] = Field((), strict=False)


def load_rules(files: Sequence[tuple[str, str]], overrides: Mapping[str, float] | None = None) -> RuleSet:
    """Check rule files given as (name, text) and return all their rules.

    A threshold that several files define takes its value from the last of them; `overrides` win over all files.
    Raises ConfigError with every problem found; one problem rejects the whole set.
    """
    documents: list[tuple[Document, FileText]] = []
    problems: list[str] = []
    for name, text in files:
        try:
            documents.append(_validated(read_document(name, text)))
        except ConfigError as error:
            problems += error.problems
    thresholds = {key: value for _, file in documents for key, value in file.thresholds.items()} | dict(overrides or {})
    reader = _Reader(thresholds)
    for document, file in documents:
        reader.read(document, file)
    # A file that could not be read may hold the thresholds that others miss: its own problems come first.
    problems += reader.problems if problems else [*reader.problems, *reader.unknown_names()]
    if problems:
        raise ConfigError(problems)
    return RuleSet(tuple(reader.rules), thresholds)


def _validated(document: Document) -> tuple[Document, FileText]:
    try:
        file = FileText.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError(document.problems(error, FileText)) from error
    taken = sorted(set(file.thresholds) & (WORDS | set(FUNCTIONS)))
    if taken:
        raise ConfigError([document.at(("thresholds", taken[0]), f"{taken[0]!r} is a keyword of the language")])
    return document, file


class _Reader:
    """Turns the rules of validated files into Rule objects and collects their problems."""

    def __init__(self, thresholds: Mapping[str, float]) -> None:
        self.thresholds = thresholds
        self.rules: list[Rule] = []
        self.problems: list[str] = []
        self._places: dict[str, str] = {}
        self._unknown: dict[str, list[tuple[str, str]]] = {}
        """Where each unknown name stands: rule, and the problem as a line."""

    def unknown_names(self) -> Iterator[str]:
        """Yield one line for each name that no file defines, with all rules that use it."""
        for uses in self._unknown.values():
            others = ", ".join(rule for rule, _ in uses[1:])
            yield uses[0][1] + (f"; also used by {others}" if others else "")

    def read(self, document: Document, file: FileText) -> None:
        for g, group in enumerate(file.groups):
            for r, text in enumerate(group.rules):
                self._rule(document, ("groups", g, "rules", r), group.name, text)

    def _rule(self, document: Document, path: Path, group: str, text: RuleText) -> None:
        place = document.place((*path, "alert"))
        if text.alert in self._places:
            self.problems.append(f"{place}: rule {text.alert}: defined already at {self._places[text.alert]}")
        self._places.setdefault(text.alert, place)
        try:
            tree = parse(text.expr, self.thresholds)
        except ExpressionError as error:
            line = document.line_within((*path, "expr"), error.line)
            problem = f"{document.name}:{line}: rule {text.alert}: expr {error}"
            if isinstance(error, UnknownNameError):
                self._unknown.setdefault(error.name, []).append((text.alert, problem))
            else:
                self.problems.append(problem)
            return
        rule = Rule(
            name=text.alert,
            group=group,
            expr=text.expr,
            tree=tree,
            for_s=text.for_s,
            keep_firing_for_s=text.keep_firing_for,
            labels=text.labels,
            annotations=self._templates(document, path, text),
            actions=text.actions,
            scope=Scope(text.queues, text.languages, text.modes or checks.modes_of(tree), text.hours, text.days),
            shadow=text.shadow,
            private=text.private,
        )
        self.problems += [
            document.at((*path, key), f"rule {text.alert}: {message}") for key, message in checks.problems_of(rule)
        ]
        self.rules.append(rule)

    def _templates(self, document: Document, path: Path, text: RuleText) -> dict[str, Template]:
        templates: dict[str, Template] = {}
        for key, value in text.annotations.items():
            try:
                templates[key] = parse_template(value)
            except ExpressionError as error:
                at = (*path, "annotations", key)
                self.problems.append(document.at(at, f"rule {text.alert}: {key} {error}"))
        return templates
