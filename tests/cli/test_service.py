"""`check`, `reload` and `prompts` say what is wrong and exit 0, 1 or 2."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import aiohttp
import pytest
import typer
from typer.testing import CliRunner

from callguard.cli import service
from callguard.cli.common import TAKEN, USAGE
from callguard.config import Media
from callguard.testbed.simulator.server import Simulator

ROOT = Path(__file__).parents[2]

app = typer.Typer()
service.register(app)
RULES = "groups: [{name: g, rules: [{alert: Loud, expr: customer.level_dbfs > -20, labels: {severity: warning}}]}]"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "r.yaml").write_text(RULES)
    path = tmp_path / "callguard.yaml"
    path.write_text("node: test-cli\n")
    return path


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def test_check_says_what_is_in_force(config: Path) -> None:
    status, out, _ = call("check", "--config", str(config), "--json")
    facts = json.loads(out)
    assert status == 0
    assert facts["valid"]
    assert facts["rules"] == 1


def test_check_warns_of_a_journal_that_can_t_be_kept(config: Path) -> None:
    (config.parent / "file").write_text("")
    config.write_text(f"journal: {{folder: {config.parent / 'file' / 'state'}}}")
    status, out, _ = call("check", "--config", str(config), "--json")
    (warning,) = [each for each in json.loads(out)["warnings"] if "journal.folder" in each]
    assert status == 0
    assert f"{config.parent / 'file'} is no folder" in warning


def test_check_names_the_key(config: Path) -> None:
    config.write_text("media: {workers: none}")
    status, _, err = call("check", "--config", str(config))
    assert status == 2
    assert "media.workers" in err


def test_check_names_the_rule(config: Path) -> None:
    (config.parent / "rules" / "r.yaml").write_text(RULES.replace("level_dbfs", "levl_dbfs"))
    status, out, _ = call("check", "--config", str(config), "--json")
    (problem,) = json.loads(out)["problems"]
    assert status == 2
    assert "Loud" in problem
    assert "level_dbfs" in problem


def test_a_missing_configuration_is_told() -> None:
    status, _, err = call("check", "--config", "/nonexistent/callguard.yaml")
    assert status == 2
    assert "/nonexistent/callguard.yaml" in err


def test_reload_without_a_service_is_told(config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    status, _, err = call("reload", "--config", str(config))
    assert status == 1
    assert "test-cli" in err


def test_prompts_are_copied(tmp_path: Path) -> None:
    status, out, _ = call("prompts", str(tmp_path / "sounds"))
    assert status == 0
    assert (tmp_path / "sounds" / "abuse-warning.wav").exists()
    assert "Lower your voice." in out


def test_prompts_to_where_nothing_can_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, _, err = call("prompts", str(tmp_path / "file"))
    assert status == 1
    assert "file" in err


def test_prompts_to_a_folder_whose_parent_is_misspelt_are_refused(tmp_path: Path) -> None:
    status, _, err = call("prompts", str(tmp_path / "sonds" / "en" / "callguard"))
    assert status == 2
    assert f"there is no folder {tmp_path}/sonds/en; Asterisk's sounds are in /usr/share/asterisk/sounds/en" in err
    assert not list(tmp_path.iterdir())


def test_check_names_an_action_that_does_not_exist(config: Path) -> None:
    rules = RULES.replace("labels:", 'actions: ["prompt:lower-your-voise"], labels:')
    (config.parent / "rules" / "r.yaml").write_text(rules)
    status, _, err = call("check", "--config", str(config))
    assert status == 2
    assert "prompt:lower-your-voice" in err


def test_check_warns_of_secrets_that_are_not_there(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CALLGUARD_ARI_PASSWORD", raising=False)
    monkeypatch.setenv("CALLGUARD_AMI_SECRET", "there")
    status, out, err = call("check", "--config", str(config))
    assert status == 0
    assert out.endswith("ok\n")
    assert "warning: " in err
    assert "asterisk.ari.password: environment variable CALLGUARD_ARI_PASSWORD: empty or not set" in err
    assert "ami" not in err


def test_run_without_its_secrets_names_each_and_exits_with_2(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CALLGUARD_ARI_PASSWORD", "CALLGUARD_AMI_SECRET"):
        monkeypatch.delenv(name, raising=False)
    status, _, err = call("run", "--config", str(config))
    assert status == 2
    assert f"{config}: asterisk.ari.password: " in err
    assert f"{config}: asterisk.ami.secret: " in err


def test_check_warns_of_ways_that_are_switched_off(config: Path) -> None:
    rule = RULES.replace("labels:", "actions: [notify, cel, user_event], labels:")
    (config.parent / "rules" / "r.yaml").write_text(rule)
    config.write_text("notify: {cel: true}")
    status, out, _ = call("check", "--config", str(config), "--json")
    told = [line for line in json.loads(out)["warnings"] if "rule" in line]
    assert status == 0
    assert told == ["rule Loud: actions: user_event is switched off; notify.user_event: true switches it on"]


async def test_a_taken_application_name_has_an_exit_status_of_its_own(redis_url: str, tmp_path: Path) -> None:
    """The unit file must know it: two services that are restarted for ever would fight for the name for ever."""
    async with Simulator(password="secret") as pbx:
        settings = {
            "asterisk": {"ari": {"url": pbx.url}, "ami": {"enabled": False}},
            "media": {"audiosocket_port": 0, "legs_per_worker": 8},
            "rules": {"files": [str(ROOT / "config" / "rules" / "*.yaml")]},
            "redis": {"url": redis_url},
            "console": {"port": 0},
        }
        path = tmp_path / "callguard.yaml"
        path.write_text(json.dumps(settings))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callguard", "run", "--config", str(path)),
            env=os.environ | {"CALLGUARD_ARI_PASSWORD": "secret"},
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        await asyncio.wait_for(pbx.until(lambda: pbx.applications.active("callguard")), 30)
        login = {"Authorization": aiohttp.encode_basic_auth("callguard", "secret")}
        async with (
            aiohttp.ClientSession(headers=login) as http,
            http.ws_connect(f"{pbx.url}/ari/events?app=callguard&subscribeAll=true"),
        ):
            _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 3
    assert b"asterisk.ari.app" in err


def test_the_systemd_unit_stops_restarting_where_that_cannot_help() -> None:
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "config" / "callguard.service")
    service = unit["Service"]
    assert service["RestartPreventExitStatus"].split() == [str(USAGE), str(TAKEN)]
    assert service["Restart"] == "always"
    assert int(service["LimitNOFILE"]) >= 2 * Media().legs_per_worker
    assert service["LimitCORE"] == "0"
    assert service["StateDirectory"] == "callguard"
    assert service["Environment"] == "ORT_DISABLE_TELEMETRY=1"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_unit() -> None:
    unit = ROOT / "config" / "callguard.service"
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False).stderr
    assert [line for line in said.splitlines() if "callguard.service" in line and "not executable" not in line] == []
