"""Turn changes of state into the messages that leave the worker."""

from dataclasses import replace

from callguard.contracts.messages import CallFacts, Transition
from callguard.rules.engine.compiler import Inputs
from callguard.rules.engine.evidence import Read, evidence, score
from callguard.rules.engine.program import Program
from callguard.rules.engine.rule import Rule
from callguard.rules.engine.states import Change


def ended(rule: Rule, change: Change, facts: CallFacts, at: float, reason: str) -> Transition:
    """Return a resolved or cancelled transition."""
    return replace(_plain(rule, change, facts, at), reason=reason)  # type: ignore[arg-type]  # one of the field's allowed texts


def begun(program: Program, change: Change, facts: CallFacts, at: float, inputs: Inputs, read: Read) -> Transition:
    """Return a pending or fired transition; a fired transition carries the evidence."""
    rule = program.rule
    words = {"queue": facts.queue, "language": facts.language, "mode": facts.mode, "rule": rule.name}
    texts = {key: template.fill(read, words) for key, template in rule.annotations.items()}
    plain = replace(_plain(rule, change, facts, at), annotations=texts)
    if change.kind != "fired":
        return plain
    card = evidence(program, inputs, change.call, read) | {"runbook": texts.get("runbook_url")}
    return replace(plain, evidence=card, score=score(program, inputs, change.call))


def _plain(rule: Rule, change: Change, facts: CallFacts, at: float) -> Transition:
    return Transition(
        kind=change.kind,
        call=facts.call,
        rule=rule.name,
        leg=rule.leg,
        at=at,
        severity=rule.severity,
        labels=dict(rule.labels),
        actions=rule.actions,
        shadow=rule.shadow,
        private=rule.private,
        evidence={"basis": rule.basis},
    )
