"""`check --pbx` on a real PBX tells its endpoints, queues and contexts, and what in the configuration matches none."""

import json
from pathlib import Path
from typing import Any

import pytest

from callguard.testbed.lab.lab import Lab
from tests.integration.harness.service import Service

FAULTS = {
    "roles": {
        "rules": [
            {"channel": "PJSIP/agent1", "role": "agent"},
            {"channel": "PJSIP/agent*", "role": "agent"},
            {"channel": "PJSIP/agent2-*", "role": "customer"},
            {"context": "fones", "role": "customer"},
        ]
    },
    "analysis": {"queues": {"SUPPORT": {"team": "floor"}, "suport": {}}},
    "supervisors": [{"name": "lead", "endpoint": "PJSIP/supervisor9", "teams": ["flor"]}],
}


@pytest.fixture
def service(lab: Lab, tmp_path: Path) -> Service:
    return Service(lab, "redis://127.0.0.1:1/0", tmp_path, **FAULTS)


async def surveyed(service: Service) -> tuple[int, dict[str, Any]]:
    status, out = await service.cli("check", "--pbx", "--json")
    return status, json.loads(out)["pbx"]


async def test_each_fault_is_found_and_each_endpoint_told(service: Service) -> None:
    status, told = await surveyed(service)
    assert status == 1
    assert {finding["key"] for finding in told["findings"]} == {
        "roles.rules",  # the lab's supervisors, whom no rule names here
        "roles.rules.0.channel",
        "roles.rules.2",
        "roles.rules.3.context",
        "analysis.queues.suport",
        "analysis.queues.SUPPORT.team",
        "supervisors.0.endpoint",
    }
    roles = {each["endpoint"]: each["role"] for each in told["endpoints"]}
    assert roles["PJSIP/agent2"] == "agent"
    assert roles["PJSIP/customer1"] == "unknown"
    assert {"phones", "callguard-tap"} <= set(told["contexts"])
    (local,) = [queue for queue in told["queues"] if queue["name"] == "local-kept"]
    assert local["members"][0]["interface"] == "Local/agent1@agents/n"
    assert local["members"][0]["endpoint"] == "PJSIP/agent1"
    assert told["unread"] == []


async def test_a_configuration_that_fits_has_no_finding(lab: Lab, tmp_path: Path) -> None:
    roles = {"rules": [{"channel": f"PJSIP/{n}", "role": r} for n, r in (("agent*", "agent"), ("*", "ignore"))]}
    status, told = await surveyed(Service(lab, "redis://127.0.0.1:1/0", tmp_path, roles=roles))
    assert told["findings"] == []
    assert status == 0
