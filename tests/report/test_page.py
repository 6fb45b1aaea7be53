"""The page of a call's timeline tells severity without colour, and shows no text of others as markup."""

from datetime import UTC, datetime

from callguard.report.page import page
from callguard.report.timeline import Moment, Timeline, timeline
from tests.report.test_timeline import envelopes


def test_the_page_tells_severity_by_shape_and_counts_alerts() -> None:
    found = timeline("1.1", envelopes())
    assert found is not None
    assert found.moments[1].severity == "warning"
    html = page(found)
    assert '<span class="mark">▲</span>' in html
    assert "1 warning" in html


def test_the_page_shows_evidence_and_escapes_what_others_wrote() -> None:
    found = timeline("1.1", envelopes())
    assert found is not None
    html = page(found)
    assert "0.90 against 0.60" in html
    assert "<polyline" in html
    assert "&lt;b&gt;support" in html
    assert "<b>support" not in html
    assert "<script" not in html


def test_a_runbook_is_a_link_and_never_markup() -> None:
    assert '<a href="https://kb.example/1" rel="noopener noreferrer">' in page_of({"runbook": "https://kb.example/1"})
    assert "<a " not in page_of({"runbook": "javascript:alert(1)"})
    assert '"><script' not in page_of({"runbook": 'https://x/"><script>'})


def page_of(evidence: dict[str, object]) -> str:
    fired = Moment(1.0, "alert.fired", "warning", evidence, "warning")
    return page(Timeline("1.1", datetime(2026, 1, 2, tzinfo=UTC), moments=[fired]))


def test_only_what_fired_shows_its_evidence() -> None:
    resolved = Moment(2.0, "alert.resolved", "over", {"runbook": "https://kb.example/1"}, "warning")
    html = page(Timeline("1.1", datetime(2026, 1, 2, tzinfo=UTC), moments=[resolved]))
    assert "<details" not in html
    assert ">✓</span>" in html
