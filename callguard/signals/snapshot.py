"""Take a snapshot of one call's present signals for boards and history."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.gates import Reason
from callguard.contracts.messages import CallSnapshot
from callguard.signals.table import CALL_INDEX, LEG_INDEX, NO_ROW, SignalTable

Values = dict[str, float | None]
_WORDS: Final = tuple(reason.name.lower() for reason in Reason)
_JUDGED: Final = int(Reason.JUDGED)
"""Looked up once: an enumeration's attribute costs half a microsecond."""


def snapshot(call: str, row: int, table: SignalTable, reasons: NDArray[np.int8], at: float) -> CallSnapshot:
    """Return a call's signals; a value that is not judged or not known is None.

    Args:
        call: linkedid.
        row: the call's row in the table.
        table: signals of all legs and calls.
        reasons: Reason of each leg, shape (legs,).
        at: engine time in seconds.
    """
    legs = {"customer": int(table.customer[row]), "agent": int(table.agent[row])}
    against = {role: int(reasons[leg]) for role, leg in legs.items() if leg != NO_ROW}
    unjudged = {role: _WORDS[reason] for role, reason in against.items() if reason != _JUDGED}
    return CallSnapshot(
        call=call,
        at=at,
        customer=_leg(table, legs["customer"]),
        agent=_leg(table, legs["agent"]),
        signals=_values(CALL_INDEX, table.call[:, row]),
        unjudged=unjudged,
    )


def _leg(table: SignalTable, row: int) -> Values:
    return {} if row == NO_ROW else _values(LEG_INDEX, table.leg[:, row])


def _values(names: dict[str, int], column: NDArray[np.float32]) -> Values:
    return {name: value if value == value else None for name, value in zip(names, column.tolist(), strict=True)}  # noqa: PLR0124 # NaN is the one value that differs from itself; isnan costs ten times as much here
