"""Overrides: changed values in a rule set, so that its author can see their effect before writing them to a file.

raised=0.7                              a named threshold, in every rule that uses it
CustomerRaisedVoice.raised_voice=0.7    the number with which one rule compares a signal
CustomerRaisedVoice.for=2s              the time for which one rule's condition must hold; keep_firing_for likewise
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from callguard.config import ConfigError
from callguard.rules.authoring.files import load_rules
from callguard.rules.engine.rule import Rule, RuleSet
from callguard.rules.language.ast import Compare, Condition, Number, Numeric, Reading, Rising, Span, Window, walk
from callguard.rules.language.durations import parse_duration
from callguard.rules.language.lexer import ExpressionError
from callguard.rules.language.parser import LARGEST, parse
from callguard.rules.language.symbols import nearest

FORMS = "THRESHOLD=0.7, RULE.signal=0.7, RULE.for=2s, RULE.keep_firing_for=5s"


def with_overrides(files: Sequence[tuple[str, str]], overrides: Sequence[str]) -> RuleSet:
    """Load rule files with overrides; raise ConfigError that names the first override that is impossible."""
    base = load_rules(files)
    pairs = [_pair(override) for override in overrides]
    for name, _ in pairs:
        if "." not in name and name not in base.thresholds:
            known = ", ".join(base.thresholds) or "none"
            hint = nearest(name, base.thresholds)
            raise ConfigError([f"--set {name}: no such threshold{hint}; known: {known}; forms: {FORMS}"])
    rules = load_rules(files, {name: _value(name, text) for name, text in pairs if "." not in name})
    for name, text in pairs:
        if "." in name:
            rule, _, what = name.partition(".")
            rules = _with_rule(rules, rule, what, text)
    return rules


def _pair(override: str) -> tuple[str, str]:
    name, equals, text = override.partition("=")
    if not equals or not name.strip() or not text.strip():
        raise ConfigError([f"--set {override}: allowed: {FORMS}"])
    return name.strip(), text.strip()


def _value(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST:
        raise ConfigError([f"--set {name}: {text!r} is not a number up to {LARGEST:g}"])
    return value


def _with_rule(rules: RuleSet, name: str, what: str, text: str) -> RuleSet:
    known = [rule.name for rule in rules]
    if name not in known:
        raise ConfigError([f"--set {name}.{what}: no such rule{nearest(name, known)}"])
    return replace(
        rules, rules=tuple(_overridden(rule, what, text, rules) if rule.name == name else rule for rule in rules)
    )


def _overridden(rule: Rule, what: str, text: str, rules: RuleSet) -> Rule:
    try:
        if what == "for":
            return replace(rule, for_s=parse_duration(text))
        if what == "keep_firing_for":
            return replace(rule, keep_firing_for_s=parse_duration(text))
        expr = _replaced(rule, what, repr(_value(what, text)))
        return replace(rule, expr=expr, tree=parse(expr, rules.thresholds))
    except (ExpressionError, ValueError) as error:
        raise ConfigError([f"--set {rule.name}.{what}={text}: {error}"]) from error


def _replaced(rule: Rule, signal: str, value: str) -> str:
    spans = sorted(set(_spans(rule.tree, signal)), reverse=True)
    if not spans:
        raise ValueError(f"the rule compares {signal!r} with nothing; it reads {', '.join(map(str, rule.reads))}")
    expr = rule.expr
    for start, end in spans:
        expr = expr[:start] + value + expr[end:]
    return expr


def _spans(tree: Condition, signal: str) -> list[Span]:
    """Return the positions of the numbers with which a signal is compared."""
    found: list[Span] = []
    for node in walk(tree):
        match node:
            case Compare(left=side, right=Number(span=span)) | Compare(left=Number(span=span), right=side):
                found += [span] if _reads(side, signal) else []
            case Window(above=Number(span=span), ref=ref) if signal in {ref.name, str(ref)}:
                found.append(span)
            case Rising(by=Number(span=span) as by, ref=ref) if signal in {ref.name, str(ref)} and span != node.span:
                found.append(by.span)
    return found


def _reads(side: Numeric, signal: str) -> bool:
    return any(
        signal in {inner.ref.name, str(inner.ref)}
        for inner in walk(side)
        if isinstance(inner, Reading) or (isinstance(inner, Window) and inner.above is None)
    )
