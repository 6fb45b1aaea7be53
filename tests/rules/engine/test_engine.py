"""The engine: `for`, `keep_firing_for`, scope, hot reload and evidence over calls that live in columns."""

import math
from typing import Any

import numpy as np
import pytest

from callguard.contracts.messages import CallFacts, Transition
from callguard.rules import RuleEngine, RuleSet, load_rules
from callguard.signals.table import CALL_INDEX, LEG_INDEX, NO_ROW, SignalTable

RAISED = "{alert: Raised, expr: customer.raised_voice > 0.6, for: 1s, keep_firing_for: 2s}"


def rules(*texts: str) -> RuleSet:
    return load_rules([("r.yaml", f"groups: [{{name: g, rules: [{', '.join(texts)}]}}]")])


class Bench:
    """An engine with a few calls, stepped by hand at 0.1 s."""

    def __init__(self, ruleset: RuleSet, calls: int = 1, **facts: Any) -> None:
        self.table = SignalTable(2 * calls, calls)
        self.engine = RuleEngine(ruleset, self.table)
        self.steps = 0
        for row in range(calls):
            self.table.open_call(row)
            self.table.customer[row], self.table.agent[row] = 2 * row, 2 * row + 1
            self.engine.open_call(row, CallFacts(f"call-{row}", **facts))

    def set(self, row: int = 0, **signals: float) -> None:
        for name, value in signals.items():
            scope, _, signal = name.partition("_")
            if scope == "call":
                self.table.call[CALL_INDEX[signal], row] = value
            else:
                self.table.leg[LEG_INDEX[signal], 2 * row + (scope == "agent")] = value

    def run(self, seconds: float, **signals: float) -> list[Transition]:
        self.set(**signals)
        found: list[Transition] = []
        for _ in range(round(seconds * 10)):
            self.steps += 1
            found += self.engine.step(self.steps / 10)
        return found


def kinds(transitions: list[Transition]) -> list[tuple[str, float]]:
    return [(each.kind, each.at) for each in transitions]


def test_for_keeps_a_rule_pending_and_keep_firing_for_keeps_it_firing() -> None:
    bench = Bench(rules(RAISED))
    found = bench.run(1, customer_raised_voice=0.2) + bench.run(3, customer_raised_voice=0.9)
    found += bench.run(5, customer_raised_voice=0.2)
    assert kinds(found) == [("pending", 1.1), ("fired", 2.1), ("resolved", 6.0)]
    assert found[-1].reason == "calm"


SPEAKING = {"customer_speech": 0.8, "agent_speech": 0.0}
UNHEARD = {"customer_raised_voice": math.nan, "customer_speech": math.nan}
DEAD_AIR = "{alert: DeadAir, expr: call.silence_s > 10, keep_firing_for: 1s, labels: {severity: info}}"


@pytest.mark.parametrize(
    ("rule", "before", "after", "reason"),
    [
        (RAISED, {"customer_raised_voice": 0.9}, {"customer_raised_voice": 0.2}, "calm"),
        (RAISED, {"customer_raised_voice": 0.9}, {"customer_raised_voice": math.nan, "customer_speech": 0.0}, "calm"),
        (RAISED, {"customer_raised_voice": 0.9}, UNHEARD, "unheard"),
        (RAISED, {"customer_raised_voice": 0.9}, {"customer_raised_voice": math.nan, "agent_speech": math.nan}, "calm"),
        (DEAD_AIR, {"call_silence_s": 20.0}, {"call_silence_s": math.nan, "agent_speech": math.nan}, "unheard"),
        (DEAD_AIR, {"call_silence_s": 20.0}, {"call_silence_s": 0.0, "agent_speech": math.nan}, "calm"),
    ],
    ids=["lower", "silent", "gone", "agent gone", "one of two gone", "spoke before"],
)  # fmt: skip
def test_nobody_who_is_not_heard_any_more_is_called_calm(
    rule: str, before: dict[str, float], after: dict[str, float], reason: str
) -> None:
    bench = Bench(rules(rule))
    assert [each.kind for each in bench.run(3, **SPEAKING, **before)][-1] == "fired"
    (ended,) = bench.run(5, **after)
    assert (ended.kind, ended.reason) == ("resolved", reason)


def test_a_party_whose_leg_is_closed_is_not_called_calm() -> None:
    bench = Bench(rules(RAISED))
    bench.run(3, **SPEAKING, customer_raised_voice=0.9)
    bench.table.customer[0] = NO_ROW
    assert [each.reason for each in bench.run(5)] == ["unheard"]


def test_a_gap_in_for_cancels() -> None:
    bench = Bench(rules(RAISED))
    found = bench.run(0.9, customer_raised_voice=0.9) + bench.run(0.1, customer_raised_voice=0.2)
    assert kinds(found) == [("pending", 0.1), ("cancelled", 1.0)]


def test_without_for_a_rule_fires_at_once() -> None:
    bench = Bench(rules("{alert: Now, expr: call.agent_request == 1}"))
    assert kinds(bench.run(0.2, call_agent_request=1)) == [("fired", 0.1)]


def test_a_firing_leg_that_stops_being_judged_resolves_after_keep_firing_for() -> None:
    bench = Bench(rules(RAISED))
    bench.run(2, customer_raised_voice=0.9)
    assert kinds(bench.run(3, customer_raised_voice=math.nan)) == [("resolved", 4.0)]


def test_a_short_dip_below_the_threshold_keeps_it_firing() -> None:
    bench = Bench(rules(RAISED))
    bench.run(2, customer_raised_voice=0.9)
    assert bench.run(1.9, customer_raised_voice=0.1) == []
    assert bench.run(5, customer_raised_voice=0.9) == []


def test_a_call_without_that_leg_fires_nothing() -> None:
    bench = Bench(rules("{alert: R, expr: not customer.speech > 0.6}"))
    bench.set(customer_speech=0.1, agent_speech=0.1)
    bench.table.customer[0] = -1
    assert bench.run(1) == []


def test_calls_are_judged_side_by_side_and_apart() -> None:
    bench = Bench(rules("{alert: R, expr: 'max(customer.raised_voice, 2s) > 0.6'}"), calls=3)
    bench.set(1, customer_raised_voice=0.9)
    assert [each.call for each in bench.run(1)] == ["call-1"]


def test_closing_a_call_resolves_cancels_and_forgets() -> None:
    bench = Bench(rules(RAISED, "{alert: Later, expr: 'max(customer.raised_voice, 60s) > 0.6', for: 1m}"))
    bench.run(2, customer_raised_voice=0.9)
    ended = bench.engine.close_call(0, 2.0)
    assert {(each.rule, each.kind, each.reason) for each in ended} == {
        ("Raised", "resolved", "call_ended"),
        ("Later", "cancelled", "call_ended"),
    }
    bench.engine.open_call(0, CallFacts("next"))
    assert bench.run(1, customer_raised_voice=0.1) == []


@pytest.mark.parametrize(
    ("scope", "facts", "fires"),
    [
        ("queues: [support]", {"queue": "support"}, True),
        ("queues: ['sup*']", {"queue": "support"}, True),
        ("queues: [sales]", {"queue": "support"}, False),
        ("queues: [support]", {}, False),
        ("languages: [en]", {"language": "en-GB"}, True),
        ("languages: [en]", {"language": "de"}, False),
        ("modes: [emotion]", {"mode": "raised_voice"}, False),
        ("modes: [emotion]", {"mode": "emotion"}, True),
        ("queues: []", {"mode": "off"}, False),
    ],
)
def test_scope_decides_where_a_rule_applies(scope: str, facts: dict[str, Any], fires: bool) -> None:
    bench = Bench(rules(f"{{alert: R, expr: customer.raised_voice > 0.6, {scope}}}"), **facts)
    assert bool(bench.run(0.1, customer_raised_voice=0.9)) is fires


def test_leaving_the_scope_resolves_what_fires() -> None:
    bench = Bench(rules(RAISED))
    bench.run(2, customer_raised_voice=0.9)
    bench.engine.update_call(0, CallFacts("call-0", mode="off"))
    found = bench.run(1)
    assert [(each.kind, each.reason) for each in found] == [("resolved", "opt_out")]


def test_facts_that_do_not_matter_change_nothing() -> None:
    bench = Bench(rules(RAISED))
    bench.run(2, customer_raised_voice=0.9)
    bench.engine.update_call(0, CallFacts("call-0", queue="other", on_hold=True))
    assert bench.run(1) == []


def test_reload_keeps_the_state_of_rules_of_the_same_name() -> None:
    bench = Bench(rules("{alert: Gone, expr: customer.raised_voice > 0.1}", RAISED))
    bench.run(0.6, customer_raised_voice=0.9)
    removed = bench.engine.reload(rules(RAISED, "{alert: New, expr: customer.raised_voice > 2}"))
    assert [(each.rule, each.kind, each.reason) for each in removed] == [("Gone", "resolved", "rule_removed")]
    assert kinds(bench.run(1)) == [("fired", 1.1)]
    assert bench.engine.reload(rules(RAISED)) == []
    assert bench.run(1) == []
    assert kinds(bench.run(3, customer_raised_voice=0.1)) == [("resolved", 4.6)]


def test_reload_keeps_the_past_that_windows_look_at() -> None:
    window = "{alert: W, expr: 'avg(customer.raised_voice, 2s) > 0.5'}"
    bench = Bench(rules(window))
    bench.run(2, customer_raised_voice=0.2)
    bench.engine.reload(rules(window, "{alert: V, expr: 'avg(customer.raised_voice, 4s) > 0.5'}"))
    assert bench.run(0.5, customer_raised_voice=0.9) == []
    assert [each.rule for each in bench.run(3)] == ["W", "V"]


@pytest.mark.parametrize(("before", "after"), [("2s", "5s"), ("5s", "2s"), ("2s", "2s")])
def test_reload_keeps_extremes_over_longer_and_shorter_windows(before: str, after: str) -> None:
    bench = Bench(rules(f"{{alert: A, expr: 'max(customer.raised_voice, {before}) > 5'}}"))
    bench.run(3, customer_raised_voice=0.2)
    bench.run(0.1, customer_raised_voice=0.9)
    bench.run(1, customer_raised_voice=0.2)
    bench.engine.reload(rules(f"{{alert: B, expr: 'max(customer.raised_voice, {after}) > 0.6'}}"))
    assert [each.rule for each in bench.run(0.1)] == ["B"]


def test_evidence_says_why() -> None:
    text = """{alert: R, expr: 'customer.raised_voice > 0.6 and 3 < customer.level_rise_db', for: 1s,
      annotations: {summary: 'at {customer.raised_voice:.0%}, {call.talk_over}', runbook_url: 'https://x/{rule}'}}"""
    bench = Bench(rules(text), queue="support")
    bench.run(4, customer_raised_voice=0.2, customer_level_rise_db=0, customer_quality=0.9)
    bench.set(customer_level_dbfs=-20, customer_pitch_hz=240, customer_pitch_rise_st=12, agent_level_rise_db=2)
    fired = bench.run(1.1, customer_raised_voice=0.9, customer_level_rise_db=8)[-1]
    card = fired.evidence
    assert fired.annotations == {"summary": "at 90%, unjudged", "runbook_url": "https://x/R"}
    assert card["comparisons"] == [
        {"text": "customer.raised_voice > 0.6", "value": 0.9, "operator": ">", "threshold": 0.6, "holds": True},
        {"text": "3 < customer.level_rise_db", "value": 8.0, "operator": ">", "threshold": 3.0, "holds": True},
    ]
    assert card["baseline"] == {"level_dbfs": -28.0, "pitch_hz": 120.0}
    assert (card["quality"], card["confidence"], card["basis"]) == (0.9, 0.9, "raised_voice")
    assert card["agent_side"]["agent.level_rise_db"] == 2.0
    assert card["runbook"] == "https://x/R"
    assert fired.score == pytest.approx(0.9)


def test_evidence_tells_the_named_thresholds_in_force() -> None:
    text = """thresholds: {raised: 0.6, below: 2, unused: 9}
groups: [{name: g, rules: [{alert: R,
  expr: 'share_above(customer.raised_voice, raised, 2s) > 0.5 and customer.level_rise_db > -below'}]}]"""
    bench = Bench(load_rules([("r.yaml", text)]))
    fired = bench.run(3, customer_raised_voice=0.9, customer_level_rise_db=0)[-1]
    assert fired.evidence["thresholds"] == {"raised": 0.6, "below": 2.0}


def test_the_curve_holds_thirty_seconds_in_half_second_steps() -> None:
    bench = Bench(rules("{alert: R, expr: customer.raised_voice > 0.6}"))
    for second in range(40):
        bench.run(1, customer_raised_voice=second / 100)
    curve = bench.run(0.1, customer_raised_voice=0.9)[0].evidence["curve"]
    points = curve["signals"]["customer.raised_voice"]
    assert curve["step_s"] == 0.5
    assert len(points) == 61
    assert points[-1] == 0.9
    assert points[-4:-1] == [0.39, 0.39, 0.9]
    assert points[0] == 0.1


def test_evidence_never_shows_an_earlier_call_of_the_same_row() -> None:
    bench = Bench(rules("{alert: R, expr: call.agent_request == 1}"))
    bench.run(20, customer_raised_voice=0.9)
    bench.engine.close_call(0, 20)
    bench.engine.open_call(0, CallFacts("next"))
    fired = bench.run(0.1, customer_raised_voice=math.nan, call_agent_request=1)[0]
    assert set(fired.evidence["curve"]["signals"]["customer.raised_voice"]) == {None}


def test_rows_of_one_reused_column_do_not_mix() -> None:
    bench = Bench(rules("{alert: R, expr: 'share_above(customer.raised_voice, 0.5, 10s) > 0.5'}"))
    bench.run(10, customer_raised_voice=0.9)
    bench.engine.close_call(0, 10)
    bench.engine.open_call(0, CallFacts("next"))
    assert bench.run(10, customer_raised_voice=0.1) == []
    assert np.isfinite(bench.table.leg[LEG_INDEX["raised_voice"], 0])
