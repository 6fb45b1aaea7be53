"""`check --pbx` prints who would be what, and exits 1 on findings and where the PBX does not answer."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from callguard.cli import service
from callguard.config import AsteriskConfig
from callguard.inventory import survey as module
from callguard.inventory.pbx import Inventory
from tests.inventory.pbxs import PBX

app = typer.Typer()
service.register(app)
FIT = """
roles: {rules: [{channel: "PJSIP/2*", role: agent}, {channel: "PJSIP/301-*", role: ignore}]}
supervisors: [{name: lead, endpoint: PJSIP/301}]
rules: {files: [r.yaml]}
"""
RULES = "groups: [{name: g, rules: [{alert: Loud, expr: customer.level_dbfs > -20, labels: {severity: warning}}]}]"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    async def read(_: AsteriskConfig) -> Inventory:
        return PBX

    monkeypatch.setattr(module, "read_inventory", read)
    (tmp_path / "r.yaml").write_text(RULES)
    path = tmp_path / "callguard.yaml"
    path.write_text(FIT)
    return path


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def test_who_would_be_what_is_printed(config: Path) -> None:
    status, out, _ = call("check", "--pbx", "--config", str(config))
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.startswith("PJSIP/202")]
    assert line.split()[1:5] == ["online", "from-internal", "agent", "roles.rules.0"]
    assert "queue support: Ann (PJSIP/201)" in out
    assert out.endswith("ok\n")


def test_findings_are_exit_code_1_with_advice(config: Path) -> None:
    config.write_text(FIT.replace("PJSIP/301}", "PJSIP/302}"))
    status, out, _ = call("check", "--pbx", "--config", str(config))
    assert status == 1
    assert "error   supervisors.0.endpoint: the PBX has no endpoint PJSIP/302" in out
    assert "→ its endpoints are" in out
    status, out, _ = call("check", "--pbx", "--json", "--config", str(config))
    told = json.loads(out)
    assert status == 1
    assert told["valid"] is True
    assert [finding["key"] for finding in told["pbx"]["findings"]] == ["supervisors.0.endpoint"]


def test_a_rules_scope_is_compared(config: Path) -> None:
    (config.parent / "r.yaml").write_text(RULES.replace("labels:", "queues: [suport], labels:"))
    status, out, _ = call("check", "--pbx", "--config", str(config))
    assert status == 1
    assert "rule Loud" in out


def test_a_bad_configuration_is_exit_code_2_and_no_pbx_is_asked(config: Path) -> None:
    config.write_text("media: {workers: none}")
    assert call("check", "--pbx", "--config", str(config))[0] == 2
    status, out, _ = call("check", "--pbx", "--json", "--config", str(config))
    assert status == 2
    assert "pbx" not in json.loads(out)


def test_a_pbx_that_does_not_answer_is_told_in_one_line(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    config.write_text(FIT + "asterisk: {ari: {url: 'http://127.0.0.1:1'}}")
    monkeypatch.setenv("CALLGUARD_ARI_PASSWORD", "x")
    status, _, err = call("check", "--pbx", "--config", str(config))
    assert status == 1
    assert err.count("the PBX does not answer at asterisk.ari.url http://127.0.0.1:1") == 1
    monkeypatch.delenv("CALLGUARD_ARI_PASSWORD")
    status, _, err = call("check", "--pbx", "--config", str(config))
    assert status == 1
    assert "asterisk.ari.password" in err


def test_without_the_option_only_a_team_that_nobody_serves_is_warned_of(config: Path) -> None:
    config.write_text(FIT.replace("PJSIP/301}", "PJSIP/302, teams: [desk]}") + "analysis: {queues: {q: {team: floor}}}")
    status, _, err = call("check", "--config", str(config))
    assert status == 0
    assert "analysis.queues.q.team: no supervisor serves team 'floor'" in err
    assert "302" not in err


def test_secrets_beside_the_configuration_are_found(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CALLGUARD_ARI_PASSWORD", "CALLGUARD_AMI_SECRET"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    (config.parent / "secrets.env").write_text("CALLGUARD_ARI_PASSWORD=a\nCALLGUARD_AMI_SECRET=b\n")
    status, out, _ = call("check", "--json", "--config", str(config))
    assert status == 0
    assert not [line for line in json.loads(out)["warnings"] if "CALLGUARD_" in line]
