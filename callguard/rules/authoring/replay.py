"""Run rules over recorded signals: series of a unit test, or stored history. The steps are the only clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from callguard.audio.frames import HOP_S
from callguard.contracts.messages import CallFacts, Transition
from callguard.rules.engine.engine import RuleEngine
from callguard.rules.engine.rule import RuleSet
from callguard.rules.language import symbols
from callguard.rules.language.ast import Ref
from callguard.signals.table import CALL_INDEX, LEG_INDEX, SignalTable


@dataclass(frozen=True)
class Recorded:
    """One call's signals.

    Attributes:
        name: of the file or of the unit test.
        signals: one value a step for each signal, shape (steps,), NaN where not judged; all have the same length.
        step_s: seconds between steps.
    """

    name: str
    signals: Mapping[Ref, NDArray[np.float32]]
    facts: CallFacts = field(default_factory=lambda: CallFacts("call"))
    step_s: float = HOP_S

    @property
    def steps(self) -> int:
        """Return the number of steps."""
        return max((len(values) for values in self.signals.values()), default=0)


def replay(
    rules: RuleSet, calls: Sequence[Recorded], watch: Callable[[float, RuleEngine], None] | None = None
) -> list[list[Transition]]:
    """Return each call's transitions; their times are seconds on a clock that reads `step_s` at the first step.

    All calls run side by side as columns of one engine; they must have the same `step_s`. `watch` gets the engine after
    each step.
    """
    table = SignalTable(2 * len(calls), len(calls))
    engine = RuleEngine(rules, table, calls[0].step_s if calls else HOP_S)
    done: dict[str, list[Transition]] = {str(row): [] for row in range(len(calls))}
    for row, call in enumerate(calls):
        table.open_call(row)
        table.customer[row], table.agent[row] = 2 * row, 2 * row + 1
        engine.open_call(row, _named(call.facts, row))
    for step in range(max((call.steps for call in calls), default=0)):
        now = (step + 1) * calls[0].step_s
        for row, call in enumerate(calls):
            if step == call.steps:
                _note(done, engine.close_call(row, now))
                table.close_call(row)
            elif step < call.steps:
                _show(table, row, call, step)
        _note(done, engine.step(now))
        if watch is not None:
            watch(now, engine)
    return list(done.values())


def from_columns(
    name: str, facts: CallFacts, legs: Mapping[str, NDArray[np.float32]], call: NDArray[np.float32]
) -> Recorded:
    """Return a call from columns in the pipeline's order.

    Args:
        name: of the recording.
        facts: of the call.
        legs: per party, shape (steps, len(LEG_SIGNALS)).
        call: shape (steps, len(CALL_SIGNALS)).
    """
    signals = {
        ref: legs[ref.scope][:, LEG_INDEX[ref.name]] if ref.scope != "call" else call[:, CALL_INDEX[ref.name]]
        for ref in symbols.ALL
        if ref.scope == "call" or ref.scope in legs
    }
    return Recorded(name, usual(len(call), HOP_S) | signals, facts)


def usual(steps: int, step_s: float) -> dict[Ref, NDArray[np.float32]]:
    """Return an ordinary call's values for the signals that recordings and unit tests may leave out."""
    nothing = np.zeros(steps, np.float32)
    return {
        Ref("call", "on_hold"): nothing,
        Ref("call", "agent_request"): nothing,
        Ref("call", "elapsed_s"): np.arange(1, steps + 1, dtype=np.float32) * np.float32(step_s),
    }


def _named(facts: CallFacts, row: int) -> CallFacts:
    return CallFacts(str(row), facts.mode, facts.queue, facts.language, started_at=facts.started_at)


def _note(done: dict[str, list[Transition]], transitions: list[Transition]) -> None:
    for transition in transitions:
        done[transition.call].append(transition)


def _show(table: SignalTable, row: int, call: Recorded, step: int) -> None:
    for ref, values in call.signals.items():
        if ref.scope == "call":
            table.call[CALL_INDEX[ref.name], row] = values[step]
        else:
            leg = 2 * row + (ref.scope == "agent")
            table.leg[LEG_INDEX[ref.name], leg] = values[step]
