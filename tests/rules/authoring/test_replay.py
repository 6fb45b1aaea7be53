"""Signals that are already there are run through rules with no clock but their steps."""

import math

import numpy as np
import pytest

from callguard.contracts.messages import CallFacts
from callguard.rules import RuleSet, load_rules
from callguard.rules.authoring.replay import Recorded, from_columns, replay, usual
from callguard.rules.language.ast import Ref
from callguard.signals.table import CALL_INDEX, CALL_SIGNALS, LEG_INDEX, LEG_SIGNALS

VOICE, SPEECH, TALK = Ref("customer", "raised_voice"), Ref("agent", "speech"), Ref("call", "talk_over")


def load(*rules: str) -> RuleSet:
    return load_rules([("r", f"groups: [{{name: g, rules: [{', '.join(rules)}]}}]")])


LOUD = load("{alert: Loud, expr: customer.raised_voice > 0.5, for: 200ms}")


def values(*levels: tuple[float, int]) -> np.ndarray:
    return np.concatenate([np.full(count, level, np.float32) for level, count in levels])


def test_times_count_from_the_first_step() -> None:
    (told,) = replay(LOUD, [Recorded("a", {VOICE: values((0.1, 5), (0.9, 5), (0.1, 5))})])
    assert [(each.kind, round(each.at, 3)) for each in told] == [("pending", 0.6), ("fired", 0.8), ("resolved", 1.1)]


def test_another_step_is_another_time() -> None:
    (told,) = replay(LOUD, [Recorded("a", {VOICE: values((0.9, 3))}, step_s=1.0)])
    assert [(each.kind, each.at) for each in told] == [("pending", 1.0), ("fired", 2.0)]


def test_a_call_that_is_over_before_others_is_closed_then() -> None:
    short, long = Recorded("a", {VOICE: values((0.9, 5))}), Recorded("b", {VOICE: values((0.1, 10))})
    told, quiet = replay(LOUD, [short, long])
    assert [(each.kind, round(each.at, 3), each.reason) for each in told][-1] == ("resolved", 0.6, "call_ended")
    assert quiet == []


def test_each_party_and_the_call_have_signals_of_their_own() -> None:
    rules = load(
        "{alert: A, expr: agent.speech > 0.5}", "{alert: C, expr: customer.speech > 0.5}",
        "{alert: T, expr: call.talk_over > 0.5}",
    )  # fmt: skip
    agent, talk = Recorded("a", {SPEECH: values((0.9, 1))}), Recorded("b", {TALK: values((0.9, 1))})
    assert [[each.rule for each in told] for told in replay(rules, [agent, talk])] == [["A"], ["T"]]


def test_facts_decide_which_rules_apply_and_calls_of_one_name_stay_apart() -> None:
    rules = load("{alert: Loud, expr: customer.raised_voice > 0.5, queues: [vip]}")
    loud = {VOICE: values((0.9, 1))}
    calls = [Recorded("a", loud, CallFacts("x", queue=queue)) for queue in ("vip", "sales")]
    assert [len(told) for told in replay(rules, calls)] == [1, 0]


def test_a_watcher_sees_every_step() -> None:
    seen: list[float] = []
    replay(LOUD, [Recorded("a", {VOICE: values((0.1, 3))})], lambda now, _: seen.append(round(now, 3)))
    assert seen == [0.1, 0.2, 0.3]


def test_nothing_recorded_is_nothing_told() -> None:
    assert replay(LOUD, []) == []
    assert replay(LOUD, [Recorded("a", {})]) == [[]]
    assert Recorded("a", {}).steps == 0


def test_an_ordinary_call_is_not_on_hold_and_grows_older() -> None:
    signals = usual(3, 0.5)
    assert signals[Ref("call", "elapsed_s")].tolist() == [0.5, 1.0, 1.5]
    assert not signals[Ref("call", "on_hold")].any()
    assert not signals[Ref("call", "agent_request")].any()


def test_columns_of_the_pipeline_become_signals_of_the_parties_that_are_there() -> None:
    legs = {"customer": np.full((4, len(LEG_SIGNALS)), math.nan, np.float32)}
    legs["customer"][:, LEG_INDEX["raised_voice"]] = 0.75
    call = np.zeros((4, len(CALL_SIGNALS)), np.float32)
    call[:, CALL_INDEX["elapsed_s"]] = 7
    found = from_columns("file", CallFacts("c"), legs, call)
    assert (found.name, found.facts.call, found.steps) == ("file", "c", 4)
    assert found.signals[VOICE].tolist() == [0.75] * 4
    assert found.signals[Ref("call", "elapsed_s")].tolist() == [7.0] * 4
    assert SPEECH not in found.signals
    assert found.step_s == pytest.approx(0.1)
