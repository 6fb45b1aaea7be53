"""Run a rule set over all calls at once: each step evaluates each rule once, whatever the number of calls."""

import math
from collections.abc import Iterable
from functools import partial

import numpy as np

from callguard.audio.frames import HOP_S
from callguard.contracts.messages import CallFacts, Transition
from callguard.contracts.vocabulary import Subject
from callguard.rules.engine.compiler import Bools, Inputs
from callguard.rules.engine.evidence import curve_refs
from callguard.rules.engine.history import Column, History
from callguard.rules.engine.program import Program, compile_rule
from callguard.rules.engine.rule import RuleSet
from callguard.rules.engine.states import FIRING, PENDING, Change, RuleStates
from callguard.rules.engine.transitions import begun, ended
from callguard.rules.language.ast import Ref
from callguard.signals.table import CALL_INDEX, LEG_INDEX, NO_ROW, SignalTable


class RuleEngine:
    """Evaluates rules on the calls of one worker. It reads `SignalTable` and never writes to it.

    `step` is given the time in seconds, which must grow. Call rows are those of the table.
    """

    def __init__(self, rules: RuleSet, table: SignalTable, hop_s: float = HOP_S) -> None:
        self._table = table
        self._hop_s = hop_s
        self._calls = len(table.live)
        self._facts: list[CallFacts | None] = [None] * self._calls
        self._now = 0.0
        self._moved: set[int] = set()
        self._load(rules)

    @property
    def rules(self) -> RuleSet:
        """The rule set in force."""
        return self._rules

    def open_call(self, row: int, facts: CallFacts) -> None:
        """Start a call in a free row."""
        self._states.clear(row)
        self._history.clear(row)
        self._facts[row] = facts
        self._scope(row)

    def update_call(self, row: int, facts: CallFacts) -> None:
        """Replace a call's facts. A firing rule that no longer applies resolves at the next step."""
        self._facts[row] = facts
        self._scope(row)
        self._moved.add(row)

    def close_call(self, row: int, now: float) -> list[Transition]:
        """End a call: resolve its firing rules, cancel its pending rules and clear its history."""
        last = [self._end(rule, row, now, "call_ended") for rule in range(len(self._programs))]
        self._facts[row] = None
        self._applies[:, row] = False
        self._history.clear(row)
        return _present(last)

    def step(self, now: float) -> list[Transition]:
        """Evaluate every rule on every call once, at the present values of the table."""
        self._now = now
        left = self._leave_scope(now)
        with np.errstate(all="ignore"):
            present = self._gather()
            self._history.push(present)
            inputs = Inputs(present, self._history)
            for row, program in enumerate(self._programs):
                np.logical_and(program.verdict(inputs).yes, self._applies[row], out=self._holds[row])
            changes = self._states.advance(self._holds, now)
            return left + _present(self._begun(change, now, inputs) for change in changes)

    def reload(self, rules: RuleSet) -> list[Transition]:
        """Put another set in force. Rules keep their state by name; removed rules resolve."""
        kept = {rule.name for rule in rules}
        gone = _present(
            self._end(index, call, self._now, "rule_removed")
            for index, program in enumerate(self._programs)
            if program.rule.name not in kept
            for call in range(self._calls)
        )
        names, states, history = [program.rule.name for program in self._programs], self._states, self._history
        self._load(rules)
        self._history.adopt(history)
        for index, rule in enumerate(rules):
            if rule.name in names:
                self._states.adopt(index, states, names.index(rule.name))
        self._moved = {row for row, facts in enumerate(self._facts) if facts}
        return gone

    def states(self, row: int) -> dict[str, str]:
        """Return "pending" or "firing" for each rule that is not idle on a call."""
        words = {PENDING: "pending", FIRING: "firing"}
        column = self._states.state[:, row]
        return {p.rule.name: words[int(s)] for p, s in zip(self._programs, column, strict=True) if s in words}

    def _load(self, rules: RuleSet) -> None:
        self._rules = rules
        self._programs = [compile_rule(rule) for rule in rules]
        shown = dict.fromkeys(ref for rule in rules for ref in curve_refs(rule))
        self._refs = tuple(dict.fromkeys([*(ref for rule in rules for ref in rule.reads), *shown]))
        self._history = History((need for rule in rules for need in rule.needs), shown, self._calls, self._hop_s)
        self._states = RuleStates([r.for_s for r in rules], [r.keep_firing_for_s for r in rules], self._calls)
        self._holds: Bools = np.zeros((len(rules), self._calls), dtype=np.bool_)
        self._applies: Bools = np.zeros((len(rules), self._calls), dtype=np.bool_)
        for row in range(self._calls):
            self._scope(row)

    def _scope(self, row: int) -> None:
        facts = self._facts[row]
        if facts is not None:
            self._applies[:, row] = [rule.scope.applies(facts) for rule in self._rules]

    def _leave_scope(self, now: float) -> list[Transition]:
        gone: list[Transition | None] = []
        for row in self._moved:
            facts = self._facts[row]
            reason = "opt_out" if facts is not None and facts.mode == "off" else "rule_removed"
            gone += [self._end(int(rule), row, now, reason) for rule in np.flatnonzero(~self._applies[:, row])]
        self._moved.clear()
        return _present(gone)

    def _end(self, rule: int, row: int, now: float, reason: str) -> Transition | None:
        change, facts = self._states.end(rule, row), self._facts[row]
        if change is None or facts is None:
            return None
        return ended(self._programs[rule].rule, change, facts, now, reason)

    def _gather(self) -> dict[Ref, Column]:
        table = self._table
        rows = {"customer": table.customer, "agent": table.agent}
        absent = {scope: where == NO_ROW for scope, where in rows.items()}
        columns: dict[Ref, Column] = {}
        for ref in self._refs:
            if ref.scope == "call":
                columns[ref] = table.call[CALL_INDEX[ref.name]]
            else:
                legs = table.leg[LEG_INDEX[ref.name]]
                columns[ref] = np.where(absent[ref.scope], np.float32(np.nan), legs[rows[ref.scope]])
        return columns

    def _begun(self, change: Change, now: float, inputs: Inputs) -> Transition | None:
        facts, program = self._facts[change.call], self._programs[change.rule]
        if facts is None:
            return None
        if change.kind in {"resolved", "cancelled"}:
            return ended(program.rule, change, facts, now, self._why(program, change.call, inputs))
        return begun(program, change, facts, now, inputs, partial(self._read, change.call))

    def _why(self, program: Program, call: int, inputs: Inputs) -> str:
        """Return the reason of an end: calm, unless the condition is unknown because a party is not heard."""
        known_not = np.broadcast_to(program.verdict(inputs).no, self._calls)[call]
        leg = program.rule.leg
        parties: tuple[Subject, ...] = ("customer", "agent") if leg == "call" else (leg,)
        unheard = any(math.isnan(self._read(call, Ref(party, "speech"))) for party in parties)
        return "unheard" if unheard and not known_not else "calm"

    def _read(self, call: int, ref: Ref) -> float:
        table = self._table
        if ref.scope == "call":
            return float(table.call[CALL_INDEX[ref.name], call])
        row = (table.customer if ref.scope == "customer" else table.agent)[call]
        return math.nan if row == NO_ROW else float(table.leg[LEG_INDEX[ref.name], row])


def _present(found: Iterable[Transition | None]) -> list[Transition]:
    return [transition for transition in found if transition is not None]
