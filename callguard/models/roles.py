"""Hold the role of each leg row, and select the rows that the model may judge.

Only `RoleColumn` can build `CustomerRows`: the constructor demands a key that `RoleColumn` alone holds, and
`RoleColumn` selects only rows of customers. So no agent's leg reaches the model, whatever a caller does.
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
            raise TypeError("only RoleColumn.customers builds CustomerRows")
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
        """Set the role of a row."""
        self._codes[row] = _CODES[role]

    def clear(self, row: int) -> None:
        """Remove the role of a row."""
        self._codes[row] = _NOBODY

    def are_customers(self, rows: Rows) -> NDArray[np.bool_]:
        """Return a mask of the rows that are customers', shape (n,)."""
        result: NDArray[np.bool_] = self._codes[rows] == _CUSTOMER
        return result

    def customers(self, rows: Rows) -> CustomerRows:
        """Return the rows that are customers', in their order."""
        return CustomerRows(_KEY, rows[self.are_customers(rows)])
