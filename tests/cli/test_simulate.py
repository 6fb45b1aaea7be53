"""`callguard simulate` runs scenarios, tells what happens, and refuses what it can't run."""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

import aiohttp
import pytest
import typer
from typer.testing import CliRunner, Result

from callguard.cli.simulate import register
from callguard.testbed.simulator.sound import load

SHORT = """
title: A short call
phones:
  PJSIP/customer1: {number: "101", says: [{tone: 1300, for: 1}], repeat: true}
  PJSIP/agent1: {number: "201", answers_after: 0.2}
calls:
  - {customer: PJSIP/customer1, agents: [PJSIP/agent1], actions: [{at: 1, do: hangup}]}
"""


def run(*words: str) -> Result:
    app = typer.Typer()
    register(app)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["simulate", *words])


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "short.yaml"
    path.write_text(SHORT, "utf-8")
    return path


def test_list_names_the_shipped_scenarios() -> None:
    assert "angry        Queue call turning angry" in run("--list").output
    assert json.loads(run("--list", "--json").output)["calm"] == "Calm queue call"


def test_a_scenario_is_told_as_it_happens_and_ends_by_itself(scenario: Path) -> None:
    result = run(str(scenario), "--speed", "20")
    assert result.exit_code == 0
    for words in ("A short call", "PJSIP/agent1-00000001 answer", "hung up (Normal Clearing)", "over after"):
        assert words in result.output


def test_json_gives_one_event_a_line(scenario: Path) -> None:
    events = [json.loads(line) for line in run(str(scenario), "--speed", "20", "--json").output.splitlines()]
    assert events[0]["type"] == "ChannelCreated"
    assert events[-1]["type"] == "ChannelDestroyed"


def test_what_each_phone_heard_is_recorded(scenario: Path, tmp_path: Path) -> None:
    assert run(str(scenario), "--speed", "20", "--record", str(tmp_path / "ears")).exit_code == 0
    assert load(tmp_path / "ears" / "PJSIP-agent1.wav").std() > 1000
    assert not load(tmp_path / "ears" / "PJSIP-customer1.wav").any()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-scenario"], "no scenario 'no-such-scenario'; shipped: agent-loud, angry"),
        (["none.yaml"], "can't be read"),
        ([], "name a scenario"),
        (["angry", "--speed", "0"], "speed"),
        (["angry", "--port", "70000"], "port"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_why(words: list[str], said: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.output


def test_a_bad_scenario_exits_with_2_and_names_the_key(scenario: Path) -> None:
    scenario.write_text(SHORT + "colour: red\n", "utf-8")
    result = run(str(scenario))
    assert result.exit_code == 2
    assert "colour" in result.output


def test_a_port_in_use_is_a_failure_and_no_traceback(scenario: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run(str(scenario), "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "in use" in result.output


async def test_the_program_waits_for_an_application_and_never_prints_the_password(scenario: Path) -> None:
    code = "import typer; from callguard.cli.simulate import register; a = typer.Typer(); register(a); a()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(scenario), "--wait", "--speed", "5"),
        env={**os.environ, "CALLGUARD_ARI_PASSWORD": "very-secret", "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    first = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    url = first.partition("ARI on ")[2].partition(",")[0]
    headers = {"Authorization": aiohttp.encode_basic_auth("callguard", "very-secret")}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.ws_connect(f"{url}/ari/events?app=x&subscribeAll=true"),
    ):
        rest = (await asyncio.wait_for(process.stdout.read(), 20)).decode()
    assert await process.wait() == 0
    assert "over after" in rest
    assert "very-secret" not in first + rest
