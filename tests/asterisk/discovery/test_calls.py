"""A call says which legs are tapped, and shows the customer's number nowhere."""

from dataclasses import replace
from typing import Any

import pytest

from callguard.asterisk.discovery.calls import Call


def call(**facts: Any) -> Call:
    usual: dict[str, Any] = {
        "id": "1.1", "customer": "c", "customer_channel": "PJSIP/trunk-1", "agent": "a", "agent_channel": "PJSIP/mia-1",
        "member": "Mia", "interface": "PJSIP/mia", "queue": "sales", "wait_s": 3.0, "mode": "raised_voice",
        "started_at": 7.0,
    }  # fmt: skip
    return Call(**(usual | facts))


CUSTOMER, AGENT = {"customer": ("c", "PJSIP/trunk-1")}, {"agent": ("a", "PJSIP/mia-1")}


def test_both_legs_are_tapped_while_they_hear_each_other() -> None:
    assert call().legs() == CUSTOMER | AGENT


def test_an_agent_who_consults_or_hears_music_is_not_tapped() -> None:
    assert call(together=False).legs() == CUSTOMER
    assert call(held_by={"customer"}).legs() == CUSTOMER
    assert call(held_by={"agent"}).legs() == CUSTOMER | AGENT


def test_without_an_agent_the_customer_is_tapped_alone() -> None:
    assert call(agent=None).legs() == CUSTOMER
    assert call(agent_channel=None).legs() == CUSTOMER


def test_a_call_that_is_off_has_no_leg() -> None:
    assert call(mode="off").legs() == {}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({}, None),
        ({"held_by": {"agent"}}, None),
        ({"held_by": {"customer"}}, "hold"),
        ({"held_by": {"customer", "agent"}}, "hold"),
        ({"together": False, "held_by": {"customer"}}, "consultation"),
        ({"together": False, "transferring": True}, "transfer"),
        ({"transferring": True}, None),
        ({"agent": None, "together": False}, "transfer"),
    ],
)
def test_a_supervisor_beside_the_customer_is_interrupted_by_a_parting_or_by_the_customers_hold(
    facts: dict[str, Any], reason: str | None
) -> None:
    assert call(**facts).interrupted_by == reason


@pytest.mark.parametrize(("holds", "held"), [((), False), (("agent",), True), (("customer",), True)])
def test_a_call_is_on_hold_while_either_phone_holds_it(holds: tuple[Any, ...], held: bool) -> None:
    assert call(held_by=frozenset(holds)).on_hold is held


def test_the_customers_number_is_never_shown() -> None:
    assert "555" not in repr(call(number="+49555"))
    assert replace(call(number="+49555"), together=False).number == "+49555"
