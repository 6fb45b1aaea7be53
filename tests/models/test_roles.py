import numpy as np
import pytest

from callguard.models.roles import CustomerRows, RoleColumn


def test_only_customers_pass():
    roles = RoleColumn(5)
    roles.assign(0, "customer")
    roles.assign(1, "agent")
    roles.assign(3, "customer")
    assert roles.customers(np.arange(5)).rows.tolist() == [0, 3]


def test_a_cleared_row_and_a_row_that_became_an_agents_pass_no_more():
    roles = RoleColumn(2)
    roles.assign(0, "customer")
    roles.assign(1, "customer")
    roles.clear(0)
    roles.assign(1, "agent")
    assert len(roles.customers(np.arange(2))) == 0


def test_customer_rows_cannot_be_made_by_hand():
    with pytest.raises(TypeError, match="RoleColumn"):
        CustomerRows(object(), np.array([1]))


def test_customer_rows_cannot_be_changed():
    roles = RoleColumn(1)
    roles.assign(0, "customer")
    made = roles.customers(np.array([0]))
    with pytest.raises(ValueError, match="read-only"):
        made.rows[0] = 7
    with pytest.raises(AttributeError):
        made.rows = np.array([7])
