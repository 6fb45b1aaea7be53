"""Queues, teams, supervisors' phones and contexts that match nothing on the PBX are found."""

from dataclasses import replace

import pytest

from callguard.inventory.compare import Scopes, compare, unserved_teams, without_pbx
from callguard.inventory.discrepancy import Discrepancy
from callguard.inventory.pbx import Inventory
from tests.inventory.pbxs import PBX, config, rules

ROLES = rules(("PJSIP/2*", "agent"), ("PJSIP/301-*", "ignore"))


def found(pbx: Inventory = PBX, scopes: Scopes | None = None, **sections: object) -> list[Discrepancy]:
    return compare(config(**{"roles": ROLES} | sections), pbx, scopes or {})


def supervisor(endpoint: str = "PJSIP/301", **facts: object) -> list[dict[str, object]]:
    return [{"name": "lead", "endpoint": endpoint, **facts}]


def test_a_configuration_that_fits_has_no_finding() -> None:
    queues = {"Support": {"team": "floor"}}
    assert found(analysis={"queues": queues}, supervisors=supervisor(teams=["floor"])) == []


def test_an_unknown_queue_is_found() -> None:
    (finding,) = found(analysis={"queues": {"suport": {}}})
    assert (finding.level, finding.key) == ("error", "analysis.queues.suport")
    assert "did you mean support?" in finding.advice


def test_a_rule_for_a_queue_that_is_not_there_is_found() -> None:
    (finding,) = found(scopes={"Loud": ("suport*",), "Calm": ("S*",)})
    assert "Loud" in finding.text


def test_queues_that_could_not_be_read_are_told_where_they_should_be_there() -> None:
    unread = replace(PBX, queues=None)
    assert [finding.key for finding in found(unread, {"Loud": ("x",)})] == ["asterisk.ami"]
    assert found(unread, asterisk={"ami": {"enabled": False}}, analysis={"queues": {"x": {}}}) == []


def test_a_team_that_nobody_serves_is_found() -> None:
    analysis = {"queues": {"support": {"team": "floor"}, "sales": {"team": "desk"}, "vip": {}}}
    given = config(analysis=analysis, supervisors=supervisor(teams=["flor", "desk"]))
    (finding,) = unserved_teams(given)
    assert finding.key == "analysis.queues.support.team"
    assert "did you mean flor?" in finding.advice
    assert len(list(unserved_teams(config(analysis=analysis)))) == 2


def test_a_supervisor_without_teams_serves_all() -> None:
    given = config(analysis={"queues": {"support": {"team": "floor"}}}, supervisors=supervisor())
    assert list(unserved_teams(given)) == []


def test_a_supervisors_phone_that_is_not_there_is_an_error() -> None:
    (finding,) = found(supervisors=supervisor("PJSIP/302"))
    assert (finding.level, finding.key) == ("error", "supervisors.0.endpoint")
    assert "lead" in finding.text


def test_a_supervisors_phone_that_is_not_registered_is_a_warning() -> None:
    off = replace(PBX, endpoints=tuple(replace(e, reachable=e.name != "PJSIP/301") for e in PBX.endpoints))
    (finding,) = found(off, supervisors=supervisor())
    assert finding.level == "warning"
    assert "not registered" in finding.text


@pytest.mark.parametrize("endpoint", ["PJSIP/0049123@acme-out", "Local/301@from-internal"])
def test_a_number_to_dial_is_not_compared(endpoint: str) -> None:
    assert found(supervisors=supervisor(endpoint)) == []


def test_our_own_contexts_are_missed() -> None:
    bare = replace(PBX, contexts=frozenset({"from-internal"}))
    assert {finding.key for finding in found(bare)} == {"", "media.tap_context"}
    assert [finding.key for finding in found(bare, media={"tap": "external_media"})] == [""]
    assert found(replace(PBX, contexts=None)) == []


def test_some_faults_show_without_a_pbx() -> None:
    given = config(
        roles=rules(("PJSIP/201", "agent")),
        analysis={"queues": {"support": {"team": "floor"}}},
        supervisors=supervisor("PJSIP/999", teams=["desk"]),
    )
    assert [each.key for each in without_pbx(given)] == ["roles.rules.0.channel", "analysis.queues.support.team"]
