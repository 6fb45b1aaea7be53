"""What a soak plays is a scenario and commands, with everything in it that can happen to a call."""

import json
from collections import Counter
from random import Random

from benchmarks.soak_script import FIRST_CALL_S, QUIET_S, RULES, command, scenario
from callguard.contracts.commands import ACTIONS, parse_command
from callguard.rules import load_rules
from callguard.testbed.simulator.scenario import Scenario


def played(lines: int = 24, seconds: float = 600.0) -> Scenario:
    return Scenario.model_validate(scenario(lines, seconds))


def test_about_as_many_calls_as_lines_go_on_at_any_time() -> None:
    calls = [(call.at, call.at + max(action.at for action in call.actions)) for call in played().calls]
    for moment in range(60, 560, 20):
        assert 16 <= sum(begin <= moment <= end for begin, end in calls) <= 24


def test_nobody_calls_before_and_after_and_the_floor_stays_quiet_for_a_while() -> None:
    script = played()
    assert min(call.at for call in script.calls) >= FIRST_CALL_S
    last = max(call.at + max(action.at for action in call.actions) for call in script.calls)
    assert last <= FIRST_CALL_S + 600
    assert max(weather.at for weather in script.weather) == FIRST_CALL_S + 600 + QUIET_S


def test_every_kind_of_thing_happens_often() -> None:
    script = played()
    done = Counter(action.do for call in script.calls for action in call.actions)
    assert min(done[kind] for kind in ("hold", "unhold", "transfer", "dtmf", "set_variable")) > 20
    assert {weather.do for weather in script.weather} >= {"drop_sockets", "cut_media"}


def test_every_command_is_one_that_the_service_understands() -> None:
    chance = Random(1)
    assert command([], ["a"], chance) is None
    asked = [command(["c1", "c2"], ["a1"], chance) for _ in range(500)]
    assert {parse_command(json.dumps({"id": "1", **each})).action for each in asked if each} == set(ACTIONS)


def test_its_rule_is_one() -> None:
    assert [rule.name for rule in load_rules([("soak.yaml", json.dumps(RULES))])] == ["Speaks"]
