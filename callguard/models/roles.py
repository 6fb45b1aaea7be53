"""Who speaks on which row, and the one gate through which rows may pass to the model.

`CustomerRows` can't be built by hand: its constructor wants a key that only `RoleColumn` holds, and `RoleColumn` gives
only rows that it knows as customers'. So no agent's leg reaches the model, whatever the caller does.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.contracts.vocabulary import Role

Rows = NDArray[np.intp]

_NOBODY: Final = 0
_CUSTOMER: Final = 1
_AGENT: Final = 2
_CODES: Final[dict[Role, int]] = {"customer": _CUSTOMER, "agent": _AGENT}
_KEY: Final = object()


class CustomerRows:
    """Leg rows that belong to customers.

    Attributes:
        rows: shape (n,), read-only.
    """

    __slots__ = ("rows",)

    rows: Rows

    def __init__(self, key: object, rows: Rows) -> None:
        if key is not _KEY:
            raise TypeError("CustomerRows come from RoleColumn.customers alone")
        held = rows.copy()
        held.flags.writeable = False
        object.__setattr__(self, "rows", held)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("CustomerRows do not change")

    def __len__(self) -> int:
        return len(self.rows)


class RoleColumn:
    """Role of each leg row."""

    def __init__(self, capacity: int) -> None:
        self._codes: NDArray[np.int8] = np.zeros(capacity, np.int8)

    def assign(self, row: int, role: Role) -> None:
        """Give a row to a party."""
        self._codes[row] = _CODES[role]

    def clear(self, row: int) -> None:
        """Take a row from its party."""
        self._codes[row] = _NOBODY

    def are_customers(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of the rows are customers', shape (n,)."""
        result: NDArray[np.bool_] = self._codes[rows] == _CUSTOMER
        return result

    def customers(self, rows: Rows) -> CustomerRows:
        """Return those of the rows that are customers', in order."""
        return CustomerRows(_KEY, rows[self.are_customers(rows)])
