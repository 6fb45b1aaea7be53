"""Evidence says why an alert fired, hides how an agent speaks, and ranks by the strongest measure."""

import math
from dataclasses import replace

import pytest

from callguard.rules.engine.evidence import ENOUGH_POINTS, curve_refs, evidence, number, score
from callguard.rules.language.ast import Ref
from tests.rules.engine.test_program import inputs, program

VOICE, RISE = Ref("customer", "raised_voice"), Ref("customer", "level_rise_db")


def strings(refs: tuple[Ref, ...]) -> list[str]:
    return [str(ref) for ref in refs]


def test_curves_show_what_the_rule_reads_and_always_the_customers_voice() -> None:
    rule = program("call.talk_over > 0.5 and customer.level_rise_db > 3").rule
    assert strings(curve_refs(rule)) == ["call.talk_over", "customer.level_rise_db", "customer.raised_voice"]


def test_how_an_agent_speaks_is_shown_to_the_agent_alone() -> None:
    rule = program("agent.level_rise_db > 3", ", private: true, actions: [prompt:slow-down]").rule
    told = replace(rule, private=False)
    assert "agent.level_rise_db" in strings(curve_refs(rule))
    assert "agent.level_rise_db" not in strings(curve_refs(told))


@pytest.mark.parametrize(
    ("expr", "signals", "expected"),
    [
        ("customer.raised_voice > 0.5 or customer.level_rise_db > 1", (0.75, 9), 0.75),
        ("customer.raised_voice > 0.9 or customer.level_rise_db > 4", (0.75, 5), 0.25),
        ("customer.level_rise_db > 0.5", (0.1, 0.75), 0.25),
        ("customer.level_rise_db > 1", (0.1, 9), 1.0),
        ("customer.level_rise_db < -4", (0.1, -5), 0.25),
        ("customer.level_rise_db == 5", (0.1, 5), 1.0),
        ("not customer.raised_voice > 0.5", (0.1, 5), 0.0),
        ("rising(customer.raised_voice, 0.1, 1s) or customer.level_rise_db > 4", (0.9, 5), 0.25),
    ],
)
def test_the_score_is_the_strongest_model_output_that_holds_else_the_largest_excess(
    expr: str, signals: tuple[float, float], expected: float
) -> None:
    made = program(expr)
    given = inputs(made, dict(zip(("customer.raised_voice", "customer.level_rise_db"), signals, strict=True)))
    assert score(made, given, 0) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.123456, 0.1235), (-3.0, -3.0), (math.nan, None), (math.inf, None), (0.0, 0.0)]
)
def test_numbers_are_finite_and_short(value: float, shown: float | None) -> None:
    assert number(value) == shown


def card(expr: str, present: dict[str, float], *, steps: int = 1, more: str = "") -> dict[str, object]:
    made = program(expr, more)
    given = inputs(made, *[present] * steps)
    return evidence(made, given, 0, lambda ref: present.get(str(ref), math.nan))


CALM = {
    "customer.raised_voice": 0.75, "customer.quality": 0.5, "customer.level_dbfs": -20, "customer.level_rise_db": 8,
    "customer.pitch_hz": 240, "customer.pitch_rise_st": 12, "agent.quality": 0.25, "agent.level_dbfs": -30,
    "agent.level_rise_db": 2, "agent.speech": 0.5, "call.elapsed_s": 90,
}  # fmt: skip


def test_a_card_tells_all_that_a_supervisor_needs_to_believe_it() -> None:
    found = card("customer.raised_voice > 0.5", CALM, steps=5 * ENOUGH_POINTS, more=", for: 2s")
    assert found["expr"] == "customer.raised_voice > 0.5"
    assert (found["for_s"], found["basis"], found["elapsed_s"]) == (2.0, "raised_voice", 90)
    assert found["comparisons"] == [
        {"text": "customer.raised_voice > 0.5", "value": 0.75, "operator": ">", "threshold": 0.5, "holds": True}
    ]
    assert found["baseline"] == {"level_dbfs": -28, "pitch_hz": 120}
    assert (found["quality"], found["confidence"]) == (0.5, 0.5)
    assert found["agent_side"] == {
        "agent.level_rise_db": 2, "agent.speech": 0.5, "call.talk_over": None, "call.interruptions_agent": None,
        "call.interruptions_customer": None,
    }  # fmt: skip


def test_a_rule_about_the_agent_is_judged_by_the_agents_line() -> None:
    found = card("agent.speech > 0.1", CALM)
    assert found["quality"] == 0.25
    assert found["baseline"] == {"level_dbfs": -32, "pitch_hz": None}


@pytest.mark.parametrize(("points", "confidence"), [(1, 0.0833), (3, 0.25), (6, 0.5), (9, 0.5)])
def test_confidence_grows_with_what_was_judged_up_to_the_quality_of_the_line(points: int, confidence: float) -> None:
    assert card("customer.raised_voice > 0.5", CALM, steps=5 * (points - 1) + 1)["confidence"] == confidence


def test_what_was_judged_long_ago_gives_no_confidence() -> None:
    made = program("customer.raised_voice > 0.5")
    given = inputs(made, *[CALM] * 100, *[{}] * 101)
    read = CALM | {"customer.raised_voice": math.nan}
    assert evidence(made, given, 0, lambda ref: read.get(str(ref), math.nan))["confidence"] == 0.0


def test_what_is_not_known_is_null() -> None:
    found = card("customer.raised_voice > 0.5", {})
    assert (found["quality"], found["confidence"], found["elapsed_s"]) == (None, None, None)
    assert found["baseline"] == {"level_dbfs": None, "pitch_hz": None}


def test_a_curve_ends_with_the_present_value() -> None:
    curve = card("customer.raised_voice > 0.5", CALM)["curve"]
    assert isinstance(curve, dict)
    assert curve["step_s"] == 0.5
    points = curve["signals"]["customer.raised_voice"]
    assert points[-2:] == [0.75, 0.75]
    assert points[:-2] == [None] * 59
