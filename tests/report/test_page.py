"""The page of a call's timeline tells severity without colour, and shows no text of others as markup."""

from callguard.report.page import page
from callguard.report.timeline import timeline
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
