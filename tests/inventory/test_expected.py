"""An endpoint's part is what the running service would make of its channels."""

import pytest

from callguard.inventory.expected import expected_parts, matching
from tests.inventory.pbxs import PBX, config, phone, rules


def parts(**sections: object) -> dict[str, tuple[str, str]]:
    found = expected_parts(config(**sections).roles, PBX)
    return {each.endpoint.name: (each.shown, each.by) for each in found}


def test_the_first_matching_rule_tells_the_part() -> None:
    told = parts(roles=rules(("PJSIP/301-*", "ignore"), ("PJSIP/*", "agent")))
    assert told["PJSIP/301"] == ("ignore", "roles.rules.0 (channel PJSIP/301-*)")
    assert told["PJSIP/202"] == ("agent", "roles.rules.1 (channel PJSIP/*)")


def test_a_queues_member_is_an_agent_in_its_calls() -> None:
    part, by = parts()["PJSIP/201"]
    assert part == "agent"
    assert "queue support" in by


def test_nobody_is_told_by_a_guess() -> None:
    told = parts()
    assert {told[name][0] for name in ("PJSIP/202", "PJSIP/301", "PJSIP/acme-out")} == {"unknown"}
    assert "from-pstn" in told["PJSIP/acme-out"][1]


@pytest.mark.parametrize(("value", "part"), [("Supervisor", "supervisor"), ("nonsense", None)])
def test_the_endpoints_own_variable_wins(value: str, part: str | None) -> None:
    endpoint = phone("205", variables=(("CALLGUARD_ROLE", value),))
    (each,) = expected_parts(config().roles, type(PBX)("22", (endpoint,)))
    assert each.part == part


def test_rules_match_as_in_a_call() -> None:
    given = config(roles=rules(("PJSIP/201", "agent"), ("PJSIP/201-*", "agent"), ("PJSIP/20*", "ignore"))).roles
    assert matching(given.rules, phone("201")) == [1, 2]
    context = config(roles={"rules": [{"context": "from-int*", "number": "2??", "role": "agent"}]}).roles
    assert matching(context.rules, phone("201")) == [0]
    assert matching(context.rules, phone("201", "from-pstn")) == []
