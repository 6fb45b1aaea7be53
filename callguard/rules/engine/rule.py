"""A rule and a set of rules, checked, parsed and immutable: the engine's input."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from callguard.contracts.vocabulary import Basis, Subject
from callguard.rules.engine.compiler import needs_of, reads_of
from callguard.rules.engine.history import Need
from callguard.rules.engine.scope import Scope
from callguard.rules.language import symbols
from callguard.rules.language.ast import Compare, Condition, Node, Number, Ref, Rising, Window, walk
from callguard.rules.language.template import Template

RING_MODES: Final = {"ring": None, "ring_listen": "listen", "ring_whisper": "whisper", "ring_barge": "barge"}
"""Actions that ring supervisors, and the mode in which the supervisor joins; `ring`: supervision.default_mode."""


@dataclass(frozen=True)
class Rule:
    """One alerting rule. Durations in seconds."""

    name: str
    group: str
    expr: str
    tree: Condition
    for_s: float = 0.0
    keep_firing_for_s: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, Template] = field(default_factory=dict)
    actions: tuple[str, ...] = ()
    scope: Scope = field(default_factory=Scope)
    shadow: bool = False
    private: bool = False

    @property
    def severity(self) -> str:
        """The label `severity`; "warning" where the rule has none."""
        return self.labels.get("severity", "warning")

    @cached_property
    def reads(self) -> tuple[Ref, ...]:
        """The expression's signals, in the order of the text."""
        return tuple(reads_of(self.tree))

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        """The history that the expression needs."""
        return tuple(needs_of(self.tree))

    @cached_property
    def comparisons(self) -> tuple[Compare | Rising, ...]:
        """The comparisons of a value with a threshold."""
        return tuple(node for node in walk(self.tree) if isinstance(node, Compare | Rising))

    @cached_property
    def named(self) -> dict[str, float]:
        """The named thresholds in the expression, with their values."""
        numbers = [(node.value, self.written(node)) for node in walk(self.tree) if isinstance(node, Number)]
        unsigned = [(text.lstrip("- "), -value if text.count("-") % 2 else value) for value, text in numbers]
        return {name: value for name, value in unsigned if name.isidentifier()}

    @property
    def leg(self) -> Subject:
        """The alert's subject: the party that the expression names first, else the call."""
        parties: list[Subject] = [ref.scope for ref in self.reads if ref.scope != "call"]
        return "agent" if self.private else next(iter(parties), "call")

    @property
    def basis(self) -> Basis:
        """The kind of inference on which the rule rests."""
        read = {str(ref) for ref in self.reads}
        if "customer.anger" in read:
            return "emotion"
        if read & {"customer.raised_voice", "call.escalating"}:
            return "raised_voice"
        return "agent" if "call.agent_request" in read else "acoustic"

    def written(self, node: Node) -> str:
        """Return a node's own text from the expression, on one line."""
        return " ".join(self.expr[slice(*node.span)].split())

    @property
    def sustained_s(self) -> float:
        """The longest time for which the condition must have held, by `for` or by a window; seconds."""
        windows = [node.seconds for node in walk(self.tree) if isinstance(node, Window | Rising)]
        return max([self.for_s, *windows])


@dataclass(frozen=True)
class RuleSet:
    """All rules in force, by unique names, in the order of the files."""

    rules: tuple[Rule, ...] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)


def reads_agent_voice(rule_reads: tuple[Ref, ...]) -> list[Ref]:
    """Return the signals that tell how an agent speaks."""
    return [ref for ref in rule_reads if ref.scope == "agent" and ref.name in symbols.AGENT_VOICE]
