"""The plan holds what facts and answers tell; what nothing tells is asked, and is an error where nobody is asked."""

import pytest

from callguard.config import ConfigError
from callguard.setup.questions import make_plan
from tests.inventory.pbxs import PBX
from tests.setup.people import Person, unasked
from tests.setup.test_plan import ACCESS

LEAD = {"name": "lead", "endpoint": "PJSIP/301"}


def test_what_no_fact_tells_must_be_answered() -> None:
    with pytest.raises(ConfigError) as error:
        make_plan(unasked(), PBX, ACCESS)
    keys = [line.split(":")[1].strip() for line in error.value.problems]
    assert keys == ["supervisors", "roles.others", "roles.trunks"]
    assert "PJSIP/202" in error.value.problems[1]
    assert "PJSIP/acme-out" in error.value.problems[2]


def test_answers_and_facts_make_the_plan() -> None:
    interview = unasked(
        supervisors=[LEAD], roles={"others": "ignore", "trunks": "customer"}, queues={"Support": {"team": "floor"}}
    )
    plan = make_plan(interview, PBX, ACCESS)
    assert plan.agents == ("PJSIP/201",)
    assert plan.colleagues == ("PJSIP/301", "PJSIP/202", "PJSIP/203")
    assert plan.customers == ("PJSIP/acme-out",)
    assert plan.queues == {"support": {"team": "floor"}, "sales": {}}
    assert plan.supervisors == (LEAD,)
    assert plan.dial_caller is None


def test_unknown_stays_unknown_where_that_is_the_answer() -> None:
    roles = {"others": "unknown", "trunks": "unknown", "agents": ["PJSIP/201", "PJSIP/301"]}
    plan = make_plan(unasked(supervisors=[LEAD], roles=roles), PBX, ACCESS)
    assert plan.colleagues == ()
    assert plan.customers == ()
    assert plan.agents == ("PJSIP/201", "PJSIP/301")


def test_a_person_is_asked_for_names_and_teams() -> None:
    person = Person(
        **{
            "Supervisors'_phones": "PJSIP/301",
            "Name_of": "Di",
            "Teams_of_Di": "floor, vip",
            "Team_of_queue_sales": "all",
        }
    )
    plan = make_plan(person.interview(), PBX, ACCESS)
    assert plan.supervisors == ({"name": "Di", "endpoint": "PJSIP/301", "teams": ["floor", "vip"]},)
    assert plan.queues == {"support": {"team": "floor"}, "sales": {}}
    assert plan.colleagues == ("PJSIP/301", "PJSIP/202", "PJSIP/203")
    assert plan.customers == ("PJSIP/acme-out",)


def test_the_caller_of_a_dial_is_known_only_by_an_answer() -> None:
    assert make_plan(Person(Dial="customer").interview(), PBX, ACCESS).dial_caller == "customer"
    assert make_plan(Person().interview(), PBX, ACCESS).dial_caller is None
