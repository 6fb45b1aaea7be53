"""Checks of a rule whose syntax is right. Each problem gives the reason and the text to write instead."""

from collections.abc import Collection, Iterator
from typing import Final

from callguard.config import Notify
from callguard.contracts.vocabulary import SEVERITIES, Mode
from callguard.rules.engine.compiler import reads_of
from callguard.rules.engine.rule import RING_MODES, Rule, RuleSet, reads_agent_voice
from callguard.rules.language.ast import Condition
from callguard.rules.language.symbols import nearest

BARGE_AFTER_S: Final = 5.0
"""A rule may ring a supervisor to barge in only after a condition held this long: one shout is not enough."""

Problem = tuple[str, str]
"""The rule's key that is wrong, and the message."""


def modes_of(tree: Condition) -> tuple[Mode, ...]:
    """Return the analysis modes in which an expression can be judged: `anger` exists in mode emotion only."""
    reads_anger = any(ref.name == "anger" for ref in reads_of(tree))
    return ("emotion",) if reads_anger else ("raised_voice", "emotion")


def problems_of(rule: Rule) -> Iterator[Problem]:
    """Yield everything that is wrong with a rule."""
    for check in (_severity, _reads_something, _anger_needs_emotion, _agents_voice_is_private, _private, _barge):
        yield from check(rule)


def unknown_targets(rules: RuleSet, notify: Notify, prompts: Collection[str]) -> list[str]:
    """Return one line for each action that names a webhook, mailbox or prompt that doesn't exist."""
    known = [f"webhook:{name}" for name in notify.webhooks] + [f"email:{name}" for name in notify.emails]
    known += [f"prompt:{name}" for name in prompts]
    listed = ", ".join(known) or "none"
    return [
        f"rule {rule.name}: actions: {action} does not exist{nearest(action, known)}; known: {listed}"
        for rule in rules
        for action in rule.actions
        if ":" in action and action not in known
    ]


def unknown_runbooks(rules: RuleSet, runbooks: Collection[str]) -> list[str]:
    """Return one line for each link to a page of the console that doesn't exist; `runbooks` are the pages' names."""
    pages = [f"/runbooks/{name}" for name in runbooks]
    links = ((rule.name, "".join(map(str, rule.annotations["runbook_url"].pieces)))
             for rule in rules if "runbook_url" in rule.annotations)  # fmt: skip
    return [
        f"rule {name}: runbook_url {link} is no page of the console{nearest(link, pages)}; known: {', '.join(pages)}; "
        "or write a whole address (https://…)"
        for name, link in links
        if link.startswith("/") and link not in pages
    ]


def switched_off(rules: RuleSet, notify: Notify) -> list[str]:
    """Return one line for each action whose receiver is built in but switched off: the action reaches nobody."""
    off = [name for name in ("queue_log", "user_event", "cel") if not getattr(notify, name)]
    return [
        f"rule {rule.name}: actions: {name} is switched off; notify.{name}: true switches it on"
        for rule in rules
        for name in off
        if name in rule.actions
    ]


def _severity(rule: Rule) -> Iterator[Problem]:
    if rule.severity not in SEVERITIES:
        yield (
            "labels",
            f"severity {rule.severity!r}{nearest(rule.severity, SEVERITIES)}; allowed: {', '.join(SEVERITIES)}",
        )


def _reads_something(rule: Rule) -> Iterator[Problem]:
    if not rule.reads:
        yield "expr", "expr reads no signal, so it would hold always or never"


def _anger_needs_emotion(rule: Rule) -> Iterator[Problem]:
    if modes_of(rule.tree) == ("emotion",) and rule.scope.modes != ("emotion",):
        yield "modes", "reads customer.anger, which exists in mode emotion only; write modes: [emotion] or leave it out"


def _agents_voice_is_private(rule: Rule) -> Iterator[Problem]:
    read = [*reads_agent_voice(rule.reads), *(r for t in rule.annotations.values() for r in reads_agent_voice(t.reads))]
    if read and not rule.private:
        yield (
            "expr",
            f"reads {read[0]}, how an agent speaks; such a rule may only advise the agent: set private: true "
            "and give prompt:NAME as its actions",
        )


def _private(rule: Rule) -> Iterator[Problem]:
    if not rule.private:
        return
    others = [action for action in rule.actions if not action.startswith("prompt:")]
    if others or not rule.actions:
        found = ", ".join(others) or "none"
        yield "actions", f"a private rule tells nobody but the agent; allowed actions: prompt:NAME, found {found}"


def _barge(rule: Rule) -> Iterator[Problem]:
    asked = any(str(ref) == "call.agent_request" for ref in rule.reads)
    if "ring_barge" in rule.actions and rule.sustained_s < BARGE_AFTER_S and not asked:
        yield (
            "actions",
            f"ring_barge after {rule.sustained_s:g} s; a supervisor may be brought in to speak only when the condition "
            f"held for at least {BARGE_AFTER_S:g} s (for, or a window), or when the agent asked; "
            f"allowed: {', '.join(name for name in RING_MODES if name != 'ring_barge')}",
        )
