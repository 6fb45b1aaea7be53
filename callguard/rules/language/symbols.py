"""The names that an expression may use, and the error texts for all others."""

import difflib
from collections.abc import Iterable
from typing import Final

from callguard.rules.language.ast import Ref, Scope
from callguard.signals.table import CALL_SIGNALS, LEG_SIGNALS, Signal

CUSTOMER_ONLY: Final = frozenset({"raised_voice", "anger"})
"""Signals from the model, which is never given an agent's voice."""
AGENT_VOICE: Final = frozenset({"level_dbfs", "level_rise_db", "pitch_hz", "pitch_rise_st", "speech_rate"})
"""Signals of an agent's way of speaking: only private rules, which advise the agent alone, may read them."""
MODEL: Final = frozenset({Ref("customer", name) for name in CUSTOMER_ONLY})
EMPLOYEE_REFUSED: Final = (
    "agent.{name} does not exist and can't: inferring the emotions of employees is prohibited "
    "(EU AI Act, Article 5(1)(f)); for an agent there are acoustic measures only, such as agent.level_rise_db"
)

_LEG = {signal.name: signal for signal in LEG_SIGNALS}
_CALL = {signal.name: signal for signal in CALL_SIGNALS}


def signals_of(scope: Scope) -> dict[str, Signal]:
    """Return the readable signals of a scope, by name."""
    if scope == "call":
        return _CALL
    hidden = CUSTOMER_ONLY if scope == "agent" else frozenset()
    return {name: signal for name, signal in _LEG.items() if name not in hidden}


SCOPES: Final[tuple[Scope, ...]] = ("customer", "agent", "call")
ALL: Final = tuple(Ref(scope, name) for scope in SCOPES for name in signals_of(scope))
_BY_TEXT = {str(ref): ref for ref in ALL}


def resolve(text: str) -> Ref:
    """Return the signal of a dotted name; raise ValueError that gives the allowed names and the nearest one."""
    ref = _BY_TEXT.get(text)
    if ref is not None:
        return ref
    scope, _, name = text.partition(".")
    if scope == "agent" and name in CUSTOMER_ONLY:
        raise ValueError(EMPLOYEE_REFUSED.format(name=name))
    raise ValueError(f"unknown signal {text!r}{nearest(text, _BY_TEXT)}; allowed: {_allowed(scope)}")


def signal_of(ref: Ref) -> Signal:
    """Return the meaning, unit and range of a signal."""
    return signals_of(ref.scope)[ref.name]


def nearest(text: str, names: Iterable[str]) -> str:
    """Return "; did you mean 'x'?", or an empty text where no name is near."""
    known = list(names)
    ends_alike = [name for name in known if name.rpartition(".")[2] == text.rpartition(".")[2]]
    found = ends_alike[:1] or difflib.get_close_matches(text, known, 1, 0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


def _allowed(scope: str) -> str:
    if scope in {"customer", "agent", "call"}:
        return ", ".join(f"{scope}.{name}" for name in signals_of(scope))  # type: ignore[arg-type]  # checked above
    return "customer.*, agent.*, call.* (docs/rules.md lists the signals)"
