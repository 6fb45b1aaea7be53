"""Evidence is drawn to scale, gaps stay gaps, and what can't be trusted is no link."""

from callguard.report.evidence import HEIGHT, PAD, Curve, shown

COMPARED = [{"text": "customer.raised_voice > raised", "value": 0.9, "operator": ">", "threshold": 0.72}]


def drawn(*values: float | None) -> list[Curve]:
    curve = {"step_s": 0.5, "signals": {"customer.raised_voice": list(values)}}
    return list(shown({"comparisons": COMPARED, "curve": curve}).curves)


def test_what_was_compared_is_said_with_its_threshold() -> None:
    unjudged = {"text": "customer.anger > 0.5", "value": None, "operator": ">", "threshold": 0.5}
    assert shown({"comparisons": [*COMPARED, unjudged]}).comparisons == (
        ("customer.raised_voice > raised", "0.90 against 0.72"),
        ("customer.anger > 0.5", "not judged against 0.50"),
    )


def test_a_curve_says_its_signal_its_length_and_its_range() -> None:
    (curve,) = drawn(0.1, 0.2, None, None, 0.8, 0.9, 0.3)
    assert curve.label == "customer.raised_voice, 3 s, 0.10 to 0.90"


def test_what_was_not_judged_is_a_gap() -> None:
    (curve,) = drawn(0.1, 0.2, None, None, 0.8, 0.9)
    assert len(curve.lines) == 2


def test_a_score_is_drawn_from_0_to_1_with_its_threshold() -> None:
    (curve,) = drawn(0.0, 1.0)
    assert curve.lines == (f"0.0,{HEIGHT - PAD:.1f} 360.0,{PAD:.1f}",)
    (limit,) = curve.limits
    assert abs(float(limit) - 18.6) < 0.1


def test_what_leaves_0_to_1_is_drawn_from_its_lowest_to_its_highest_value() -> None:
    curve = {"signals": {"customer.level_rise_db": [2.0, 12.0]}}
    (found,) = shown({"curve": curve}).curves
    assert found.lines == (f"0.0,{HEIGHT - PAD:.1f} 360.0,{PAD:.1f}",)
    assert found.limits == ()


def test_a_lone_point_can_be_seen_and_too_few_are_not_drawn() -> None:
    (curve,) = drawn(0.5, None, 0.5)
    assert [len(line.split()) for line in curve.lines] == [2, 2]
    assert drawn(0.5, None) == []


def test_the_speakers_calm_and_what_confidence_rests_on_are_said() -> None:
    found = shown(
        {
            "basis": "raised_voice",
            "baseline": {"level_dbfs": -26.06, "pitch_hz": None},
            "confidence": 0.875,
            "agent_side": {"call.talk_over": 0.16, "agent.level_rise_db": None, "other": 1},
        }
    )
    assert found.facts == (
        ("basis", "raised voice"),
        ("calm level", "-26.1 dBFS"),
        ("confidence", "88%"),
        ("both spoke", "16% of the last ten seconds"),
    )


def test_only_web_links_become_links() -> None:
    assert shown({"runbook": "https://kb.example/1"}).runbook == "https://kb.example/1"
    assert shown({"runbook": "javascript:alert(1)"}).runbook == ""
