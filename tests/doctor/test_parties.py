"""The doctor says who would be what, and finds what matches nothing on the PBX."""

from dataclasses import replace

import pytest

from callguard.asterisk.errors import UnreachableError
from callguard.config import Config
from callguard.doctor import parties
from callguard.doctor.parties import check_parties, findings_of
from callguard.inventory.compare import Scopes, compare
from callguard.inventory.expected import expected_parts
from callguard.inventory.report import Report
from tests.inventory.pbxs import PBX, config, rules


def report(given: Config) -> Report:
    parts = tuple(expected_parts(given.roles, PBX))
    return Report(replace(PBX, unread=("parking was not read",)), parts, tuple(compare(given, PBX, {})))


def test_parts_gaps_and_discrepancies_are_findings() -> None:
    found = findings_of(report(config(roles=rules(("PJSIP/agent*", "agent")))))
    told = {level: [each.text for each in found if each.level == level] for level in ("ok", "warning", "error")}
    assert any(text.startswith("agent: PJSIP/201") for text in told["ok"])
    assert told["warning"][0] == "parking was not read"
    assert any(text.startswith("roles.rules.0.channel: pattern 'PJSIP/agent*'") for text in told["error"])


async def test_a_pbx_that_ceases_to_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def survey(_: Config, __: Scopes) -> Report:
        raise UnreachableError("GET /ari/endpoints: no answer in 5 s")

    monkeypatch.setattr(parties, "survey", survey)
    (finding,) = await check_parties(config(), {})
    assert finding.level == "error"
    assert "no answer" in finding.text
