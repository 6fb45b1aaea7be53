"""Evidence is drawn to scale, gaps stay gaps, and what can't be trusted is no link."""

import re

from callguard.report.evidence import HEIGHT, PAD, evidence_html

COMPARED = [{"text": "customer.raised_voice > raised", "value": 0.9, "operator": ">", "threshold": 0.72}]


def drawn(*values: float | None) -> str:
    curve = {"step_s": 0.5, "signals": {"customer.raised_voice": list(values)}}
    return evidence_html({"comparisons": COMPARED, "curve": curve})


def test_what_was_not_judged_is_a_gap() -> None:
    html = drawn(0.1, 0.2, None, None, 0.8, 0.9)
    assert html.count("<polyline") == 2


def test_a_score_is_drawn_from_0_to_1_with_its_threshold() -> None:
    html = drawn(0.0, 1.0)
    assert f'points="0.0,{HEIGHT - PAD:.1f} 360.0,{PAD:.1f}"' in html
    (limit,) = re.findall(r'class="limit" d="M0 ([0-9.]+)H', html)
    assert abs(float(limit) - 18.6) < 0.1


def test_a_lone_point_can_be_seen_and_too_few_are_not_drawn() -> None:
    assert 'points="0.0,' in drawn(0.5, None, 0.5)
    assert "<svg" not in drawn(0.5, None)


def test_the_speakers_calm_and_what_confidence_rests_on_are_said() -> None:
    html = evidence_html(
        {
            "basis": "raised_voice",
            "baseline": {"level_dbfs": -26.06, "pitch_hz": None},
            "confidence": 0.875,
            "agent_side": {"call.talk_over": 0.16, "agent.level_rise_db": None, "other": 1},
        }
    )
    assert "calm level<td>-26.1 dBFS" in html
    assert "confidence<td>88%" in html
    assert "both spoke<td>16% of the last ten seconds" in html
    assert "pitch" not in html


def test_only_web_links_become_links() -> None:
    assert 'href="https://kb.example/1"' in evidence_html({"runbook": "https://kb.example/1"})
    assert "href" not in evidence_html({"runbook": "javascript:alert(1)"})
    assert '"><script' not in evidence_html({"runbook": 'https://x/"><script>'})
