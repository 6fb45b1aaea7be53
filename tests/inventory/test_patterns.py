"""A rule of roles that matches nothing, is never reached or disagrees with another is found; an exception is not."""

from dataclasses import replace

import pytest

from callguard.inventory.discrepancy import Discrepancy
from callguard.inventory.patterns import bare_patterns, rule_discrepancies
from tests.inventory.pbxs import PBX, config, rules


def found(*given: tuple[str, str]) -> list[Discrepancy]:
    return rule_discrepancies(config(roles=rules(*given)), PBX)


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("PJSIP/201", "write PJSIP/201-*"),
        ("PJSIP/20?", "write PJSIP/20?-*"),
        ("pjsip/201-*", "case matters here: the endpoint is called PJSIP/201"),
        ("PJSIP/agent*", "the endpoints are PJSIP/201"),
        ("PJSIP/acme-owt", "did you mean PJSIP/acme-out?"),
        ("SIP/201-*", "the endpoints are"),
    ],
)
def test_a_pattern_that_matches_nothing_is_found_with_advice(pattern: str, advice: str) -> None:
    (finding,) = found((pattern, "agent"))
    assert (finding.level, finding.key) == ("error", "roles.rules.0.channel")
    assert pattern in finding.text
    assert advice in finding.advice


@pytest.mark.parametrize("pattern", ["PJSIP/201-*", "PJSIP/2*", "*/201-*", "PJSIP/20[12]-*", "Local/*", "DAHDI/i1/*"])
def test_a_pattern_that_matches_or_can_t_be_checked_is_none(pattern: str) -> None:
    assert found((pattern, "agent")) == []


def test_a_context_that_nothing_has_is_found() -> None:
    roles = {"rules": [{"context": "from-internel", "role": "agent"}, {"context": "from-pstn", "role": "customer"}]}
    (finding,) = rule_discrepancies(config(roles=roles), PBX)
    assert finding.key == "roles.rules.0.context"
    assert "did you mean from-internal?" in finding.advice
    assert rule_discrepancies(config(roles=roles), replace(PBX, contexts=None)) == []


def test_a_number_is_not_compared() -> None:
    assert rule_discrepancies(config(roles={"rules": [{"number": "0800*", "role": "customer"}]}), PBX) == []


def test_a_rule_behind_a_wider_one_is_never_reached() -> None:
    (finding,) = found(("PJSIP/*", "agent"), ("PJSIP/301-*", "ignore"))
    assert (finding.level, finding.key) == ("error", "roles.rules.1")
    assert "never reached" in finding.text
    assert "PJSIP/301" in finding.text


def test_an_exception_before_a_wider_rule_is_right() -> None:
    assert found(("PJSIP/301-*", "ignore"), ("PJSIP/*", "agent")) == []


def test_a_second_rule_that_says_the_same_is_right() -> None:
    assert found(("PJSIP/2*", "agent"), ("PJSIP/201-*", "agent")) == []


def test_two_rules_that_cross_and_disagree_are_told() -> None:
    (finding,) = found(("PJSIP/20[12]-*", "agent"), ("PJSIP/20[23]-*", "ignore"))
    assert (finding.level, finding.key) == ("warning", "roles.rules.1")
    assert "PJSIP/202" in finding.text
    assert "agent" in finding.text
    assert "ignore" in finding.text


def test_an_endpoints_name_alone_is_found_without_a_pbx() -> None:
    given = rules(
        *(("PJSIP/201", "agent"), ("PJSIP/20?", "agent"), ("PJSIP/201-0000001a", "agent"), ("DAHDI/1-1", "agent")),
    )
    (finding,) = bare_patterns(config(roles=given).roles.rules)
    assert finding.key == "roles.rules.0.channel"
    assert finding.advice == "write PJSIP/201-*"
