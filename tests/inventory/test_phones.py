"""Phones whose part contradicts their queue, or that nothing tells, are found."""

from dataclasses import replace

import pytest

from callguard.inventory.discrepancy import Discrepancy
from callguard.inventory.pbx import Inventory, Member, Queue
from callguard.inventory.phones import phone_discrepancies
from tests.inventory.pbxs import PBX, config, phone, rules

TOLD = (("PJSIP/2*", "agent"), ("PJSIP/301-*", "ignore"))


def found(*given: tuple[str, str], pbx: Inventory = PBX) -> list[Discrepancy]:
    return phone_discrepancies(config(roles=rules(*given)), pbx)


def test_told_phones_are_right() -> None:
    assert found(*TOLD) == []


def test_an_agent_whom_a_rule_calls_customer_is_an_error() -> None:
    finding = found(("PJSIP/201-*", "customer"), *TOLD)[0]
    assert finding.level == "error"
    assert "PJSIP/201" in finding.text
    assert "roles.rules.0" in finding.text


def test_a_member_who_is_ignored_is_told_once_for_all() -> None:
    many = tuple(Member(f"PJSIP/{n}", "", f"PJSIP/{n}") for n in ("201", "202"))
    (finding,) = found(("PJSIP/*", "ignore"), pbx=replace(PBX, queues=(Queue("q", many),)))
    assert finding.level == "warning"
    assert "PJSIP/201, PJSIP/202" in finding.text


@pytest.mark.parametrize(("interface", "told"), [("PJSIP/999", 1), ("Local/502@queues/n", 0), ("Agent/1001", 0)])
def test_a_member_whose_phone_is_not_there_is_told_and_others_may_be_anything(interface: str, told: int) -> None:
    lost = Queue("support", (Member(interface, "Eve", None, "not found"),))
    findings = found(*TOLD, pbx=replace(PBX, queues=(lost,)))
    assert [interface in finding.text for finding in findings] == [True] * told


def test_a_pbx_on_which_no_call_can_be_judged_is_an_error() -> None:
    (finding,) = found(("PJSIP/301-*", "ignore"), pbx=replace(PBX, queues=()))
    assert finding.level == "error"
    assert "no call is judged" in finding.text


def test_a_colleague_whom_nothing_tells_would_be_the_customer() -> None:
    (finding,) = found(("PJSIP/20*", "agent"))
    assert "PJSIP/301" in finding.text
    assert "role: ignore" in finding.advice


def test_trunks_and_phones_of_other_contexts_are_no_colleagues() -> None:
    pbx = replace(PBX, endpoints=(*PBX.endpoints[:3], PBX.endpoints[4], phone("901", "door")))
    assert found(("PJSIP/20*", "agent"), pbx=pbx) == []
