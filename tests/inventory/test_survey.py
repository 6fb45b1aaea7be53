"""A survey is what the PBX has, who would be what there, and what is wrong."""

import pytest

from callguard.config import AsteriskConfig
from callguard.inventory import survey as module
from callguard.inventory.pbx import Inventory
from callguard.inventory.survey import survey
from tests.inventory.pbxs import PBX, config, rules


async def test_a_survey_puts_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(_: AsteriskConfig) -> Inventory:
        return PBX

    monkeypatch.setattr(module, "read_inventory", read)
    report = await survey(config(roles=rules(("PJSIP/2*", "agent"), ("PJSIP/9*", "ignore"))), {"Loud": ("sales",)})
    assert report.inventory is PBX
    assert [each.shown for each in report.parts] == ["agent", "agent", "agent", "unknown", "unknown"]
    assert [finding.key for finding in report.findings] == ["roles.rules.1.channel", "roles.rules"]
