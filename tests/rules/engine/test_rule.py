"""A rule tells what it reads, whom it is about, what it rests on and how long it holds."""

import pytest

from callguard.rules import load_rules
from callguard.rules.engine.rule import RING_MODES, Rule, RuleSet, reads_agent_voice
from callguard.rules.language.ast import Ref


def load(*texts: str, thresholds: str = "{raised: 0.6, below: 2}") -> RuleSet:
    return load_rules([("r.yaml", f"thresholds: {thresholds}\ngroups: [{{name: g, rules: [{', '.join(texts)}]}}]")])


def rule(expr: str, more: str = "") -> Rule:
    (found,) = load(f"{{alert: R, expr: '{expr}'{more}}}")
    return found


def test_severity_is_a_warning_unless_it_is_labelled() -> None:
    assert rule("call.silence_s > 5").severity == "warning"
    assert rule("call.silence_s > 5", ", labels: {severity: critical}").severity == "critical"


def test_signals_stand_in_the_order_of_the_text_and_once() -> None:
    reads = rule("customer.speech > 0.1 and max(agent.speech, 2s) > customer.speech").reads
    assert reads == (Ref("customer", "speech"), Ref("agent", "speech"))


@pytest.mark.parametrize(
    ("expr", "leg"),
    [
        ("call.talk_over > 0.1 and agent.speech > 0.5 and customer.speech > 0.5", "agent"),
        ("call.talk_over > 0.1 and customer.speech > 0.5", "customer"),
        ("call.talk_over > 0.1", "call"),
    ],
)
def test_it_is_about_the_party_that_is_named_first(expr: str, leg: str) -> None:
    assert rule(expr).leg == leg


def test_a_private_rule_is_about_the_agent() -> None:
    assert rule("customer.speech > 0.5", ", private: true, actions: [prompt:slow-down]").leg == "agent"


@pytest.mark.parametrize(
    ("expr", "basis"),
    [
        ("customer.raised_voice > 0.5 and customer.anger > 0.5", "emotion"),
        ("customer.raised_voice > 0.5 or call.agent_request == 1", "raised_voice"),
        ("call.escalating > 1", "raised_voice"),
        ("call.agent_request == 1 and customer.level_rise_db > 3", "agent"),
        ("customer.level_rise_db > 3", "acoustic"),
        ("avg(customer.anger, 2s) > 0.5", "emotion"),
    ],
)
def test_the_strongest_inference_is_its_basis(expr: str, basis: str) -> None:
    assert rule(expr).basis == basis


def test_thresholds_that_are_used_by_name_are_told_with_the_value_that_was_given() -> None:
    found = rule("customer.raised_voice > raised and customer.level_rise_db > -below and call.talk_over < 0.25")
    assert found.named == {"raised": 0.6, "below": 2.0}


@pytest.mark.parametrize(
    ("expr", "more", "seconds"),
    [
        ("customer.speech > 0.5", "", 0.0),
        ("customer.speech > 0.5", ", for: 4s", 4.0),
        ("max(customer.speech, 10s) > 0.5", ", for: 4s", 10.0),
        ("rising(customer.level_dbfs, 3, 6s) and avg(call.talk_over, 2s) > 0.5", "", 6.0),
    ],
)
def test_the_longest_time_over_which_it_must_have_held(expr: str, more: str, seconds: float) -> None:
    assert rule(expr, more).sustained_s == seconds


def test_a_piece_is_written_as_its_author_wrote_it_on_one_line() -> None:
    (found,) = load("{alert: R, expr: 'customer.speech   >\n   0.5 and call.talk_over>0.1'}")
    assert [found.written(check) for check in found.comparisons] == ["customer.speech > 0.5", "call.talk_over>0.1"]


def test_rising_is_held_against_a_threshold_too() -> None:
    assert len(rule("not rising(customer.level_dbfs, 3, 6s) and 1 < call.silence_s < 3").comparisons) == 3


def test_windows_are_what_must_be_remembered() -> None:
    (need,) = rule("max(customer.speech, 10s) > 0.5 and agent.speech > 0.5").needs
    assert (need.series.ref, need.seconds, need.extremes) == (Ref("customer", "speech"), 10.0, True)


def test_only_how_an_agent_speaks_is_the_agents_voice() -> None:
    refs = tuple(Ref(*text.split(".")) for text in ("agent.speech", "agent.level_dbfs", "customer.level_dbfs"))  # type: ignore[arg-type]
    assert reads_agent_voice(refs) == [Ref("agent", "level_dbfs")]


def test_a_set_is_counted_and_walked_in_the_order_of_the_files() -> None:
    found = load("{alert: B, expr: call.silence_s > 5}", "{alert: A, expr: call.silence_s > 5}")
    assert [each.name for each in found] == ["B", "A"]
    assert len(found) == 2
    assert len(RuleSet()) == 0


def test_what_rings_says_how_the_supervisor_joins() -> None:
    assert RING_MODES == {"ring": None, "ring_listen": "listen", "ring_whisper": "whisper", "ring_barge": "barge"}
