"""Scenarios: strict, clear about errors, and played as written."""

from datetime import datetime
from pathlib import Path

import pytest

from callguard.audio.frames import FRAME_S
from callguard.config import ConfigError
from callguard.testbed.simulator.director import Director
from callguard.testbed.simulator.narration import line
from callguard.testbed.simulator.objects import Json
from callguard.testbed.simulator.scenario import Scenario, find, load, shipped
from callguard.testbed.simulator.server import Simulator
from callguard.testbed.simulator.sound import save, tone
from tests.testbed.simulator.harness import hears

PHONES = """
title: test
phones:
  PJSIP/c: {number: "1", says: [{tone: 1300, for: 1}], repeat: true}
  PJSIP/a: {number: "2", answers_after: 0.1, says: [{tone: 1500, for: 1}], repeat: true}
  PJSIP/b: {number: "3", answers_after: 0.1, says: [{tone: 2300, for: 1}], repeat: true}
"""


def scenario(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "scenario.yaml"
    path.write_text(PHONES + text, "utf-8")
    return load(path)


async def play(script: Scenario, folder: Path, seconds: float) -> tuple[Simulator, Director, list[Json]]:
    """Play in virtual time without opening a socket."""
    simulator = Simulator(speed=None)
    events: list[Json] = []
    simulator.observers.append(events.append)
    director = Director(simulator, script, folder)
    for _ in range(round(seconds / FRAME_S)):
        simulator.step()
    return simulator, director, events


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red", "scenario.yaml:7: colour: unknown key; allowed: title, phones, calls, weather"),
        ("cals: []", "scenario.yaml:7: cals: unknown key; did you mean 'calls'?"),
        ("calls: [{customer: PJSIP/c, agent: [PJSIP/a]}]", "calls.0.agent: unknown key; did you mean 'agents'?"),
        (
            "calls: [{customer: PJSIP/c, agents: [PJSIP/a], actions: [{at: 1, do: transfer, too: PJSIP/b}]}]",
            "calls.0.actions.0.too: unknown key; did you mean 'to'?; allowed: at, do, to, consult_s",
        ),
        (
            "calls: [{customer: PJSIP/c, agents: [PJSIP/a], actions: [{at: 1, do: hangupp}]}]",
            "calls.0.actions.0: do: 'hangupp'; did you mean 'hangup'?; allowed: hold, unhold, hangup",
        ),
        ("calls: [{customer: PJSIP/c, agents: [PJSIP/a], actions: [{at: 1}]}]", "do: missing, must be given"),
        ("calls: [{customer: PJSIP/x, agents: [PJSIP/a]}]", "no such phone: PJSIP/x; did you mean"),
        ("calls: [{customer: PJSIP/c, agents: []}]", "calls.0.agents"),
        ("calls: [{customer: PJSIP/c, agents: [PJSIP/a], actions: [{at: 1, do: dance}]}]", "'dance'"),
        (
            "calls: [{customer: PJSIP/c, agents: [PJSIP/a], actions: [{at: -1, do: hold}]}]",
            "calls.0.actions.0.at: must be at least 0, found -1",
        ),
        ("weather: [{at: 1, do: fail_rest, status: 200}]", "weather.0.status: must be at least 500, found 200"),
        ("weather: [{at: 1, do: rain}]", "weather.0.do"),
    ],
)
def test_a_wrong_scenario_says_where_and_what(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        scenario(tmp_path, text)
    assert said in str(error.value)
    assert "scenario.yaml" in str(error.value)


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ("{for: 1}", "exactly one of"),
        ("{for: 1, tone: 440, music: true}", "exactly one of"),
        ("{tone: 440}", "give `for` in seconds"),
        ("{for: 1, file: a.wav}", "give `for` in seconds"),
        ("{for: 99999, tone: 440}", "must be at most 3600"),
    ],
)
def test_a_wrong_piece_of_sound_says_what(tmp_path: Path, piece: str, said: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"title: t\nphones: {{PJSIP/x: {{says: [{piece}]}}}}\n", "utf-8")
    with pytest.raises(ConfigError, match=said):
        load(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: [", b"- 1", b""])
def test_a_file_that_is_no_scenario_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"s\.yaml"):
        load(path)


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load(find("no-such-scenario.yaml"))


def test_a_misspelt_name_of_a_shipped_scenario_is_told_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"no scenario 'angrry'; did you mean 'angry'\?; shipped: agent-loud, angry"):
        find("angrry")


async def test_a_missing_sound_file_is_an_error_and_an_existing_one_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "title: t\nphones: {PJSIP/c: {says: [{file: hum.wav, gain_db: 6}]}, PJSIP/a: {answers_after: 0}}\n"
        "calls: [{customer: PJSIP/c, agents: [PJSIP/a]}]\n",
        "utf-8",
    )
    with pytest.raises(ConfigError, match=r"hum\.wav"):
        await play(load(path), tmp_path, 0.1)
    save(tmp_path / "hum.wav", tone(1300.0, 2.0))
    simulator, _, _ = await play(load(path), tmp_path, 1.5)
    assert hears(simulator.phones["PJSIP/a"]) == {1300.0}


async def test_what_is_written_happens_when_it_is_written(tmp_path: Path) -> None:
    script = scenario(
        tmp_path,
        """
calls:
  - at: 1
    customer: PJSIP/c
    agents: [PJSIP/a]
    queue: sales
    variables: {__DYNAMIC_FEATURES: "callguard-help#callguard-abuse"}
    actions:
      - {at: 1, do: hold}
      - {at: 2, do: unhold}
      - {at: 3, do: dtmf, digits: "*55"}
      - {at: 4, do: set_variable, name: CALLGUARD, value: "off"}
      - {at: 5, do: transfer, to: PJSIP/b}
      - {at: 7, do: hangup}
""",
    )
    simulator, director, events = await play(script, tmp_path, 10.0)
    assert director.over
    at = {event["type"]: datetime.fromisoformat(event["timestamp"]).timestamp() for event in reversed(events)}
    begin = at["ChannelEnteredBridge"]
    assert at["ChannelCreated"] - simulator.exchange.clock.epoch == pytest.approx(1.0, abs=0.05)
    for kind, after in (
        ("ChannelHold", 1),
        ("ChannelUnhold", 2),
        ("ChannelDtmfReceived", 3),
        ("BridgeBlindTransfer", 5),
    ):
        assert at[kind] - begin == pytest.approx(after, abs=0.05), kind
    assert at["ChannelUserevent"] > at["ChannelDtmfReceived"]
    assert [event["digit"] for event in events if event["type"] == "ChannelDtmfReceived"] == ["*", "5", "5"]
    assert hears(simulator.phones["PJSIP/c"]) == {2300.0}


async def test_feature_codes_send_no_user_event_where_the_call_does_not_offer_them(tmp_path: Path) -> None:
    text = 'calls: [{customer: PJSIP/c, agents: [PJSIP/a], actions: [{at: 1, do: dtmf, digits: "*55"}]}]'
    _, _, events = await play(scenario(tmp_path, text), tmp_path, 4.0)
    kinds = [event["type"] for event in events]
    assert "ChannelDtmfReceived" in kinds
    assert "ChannelUserevent" not in kinds


async def test_weather_comes_and_goes(tmp_path: Path) -> None:
    text = "weather: [{at: 1, do: fail_rest, status: 502, for: 2}, {at: 5, do: refuse_sockets, for: 1}]"
    async with Simulator(speed=None) as simulator:
        Director(simulator, scenario(tmp_path, text), tmp_path)
        await simulator.advance(2.0)
        assert [fault.status for fault in simulator.weather.faults] == [502]
        await simulator.advance(2.0)
        assert not simulator.weather.faults
        await simulator.advance(1.5)
        assert simulator.weather.sockets_refused
        await simulator.advance(1.0)
        assert not simulator.weather.sockets_refused


@pytest.mark.parametrize("name", shipped())
async def test_every_shipped_scenario_plays_to_its_end(name: str) -> None:
    path = find(name)
    simulator, director, events = await play(load(path), path.parent, 60.0)
    assert director.over
    assert not simulator.exchange.channels
    assert not simulator.exchange.bridges
    assert simulator.phones["PJSIP/agent1"].heard
    assert any(map(line, events))


def test_the_scenarios_that_the_manual_names_are_shipped() -> None:
    assert set(shipped()) == {"angry", "calm", "agent-loud", "hold-music", "transfer"}
