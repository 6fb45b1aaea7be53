"""The page of an evaluation: each figure stands under its name, each miss has its picture, no name is markup."""

import numpy as np
from matplotlib.figure import Figure

from callguard.analysis import calls, clips
from callguard.analysis.clips import ScoredClip
from callguard.analysis.page import calls_page, clips_page, svg
from tests.analysis.test_calls import alert, call

EMOTIONS = ("angry", "happy", "neutral")


def scored(count: int) -> list[ScoredClip]:
    scores = np.random.default_rng(0).random((count, 2))
    return [
        ScoredClip({"file": str(at), "emotion": EMOTIONS[at % 3], "gender": "<f>", "speaker": "a"}, raised, anger)
        for at, (raised, anger) in enumerate(scores.tolist())
    ]


def clips_of(found: list[ScoredClip]) -> str:
    return clips_page("clips <&>", found, clips.summarise(found))


def calls_of(*found: calls.ScoredCall) -> str:
    return calls_page("calls", found, calls.summarise(found))


def test_clips_show_both_scores_with_curves_and_conditions() -> None:
    page = clips_of(scored(30))
    assert page.startswith("<!doctype html>")
    assert "<h1>clips &lt;&amp;&gt;</h1>" in page
    assert page.count("<svg") == 2
    assert page.index("<h2>Raised voice</h2>") < page.index("<h2>Anger</h2>")
    assert "<th></th><th>auc</th><th>ap</th><th>eer</th>" in page
    assert "<td>&lt;f&gt;</td>" in page
    assert "<f>" not in page


def test_clips_of_one_kind_have_no_curves() -> None:
    page = clips_of([clip for clip in scored(30) if clip.angry])
    assert "<svg" not in page
    assert "<p>none</p>" in page


def test_calls_show_each_rule_and_all_together() -> None:
    page = calls_of(call([alert("Loud<b>", 33, 40)]), call([alert("B", 10, 12)], kind="calm & quiet"))
    assert "<tr><td>Loud&lt;b&gt;</td><td>" in page
    assert "<tr><td>any of them</td><td>" in page
    assert "<h3>By kind</h3>" in page
    assert "<td>calm &amp; quiet</td>" in page
    assert "Loud<b>" not in page


def test_what_was_missed_is_drawn_and_what_was_right_is_not() -> None:
    caught = [0.1] * 300 + [0.9] * 200 + [0.1] * 100
    page = calls_of(call([], caught), call([], None, kind="missed"))
    assert "<h3>a.flac, missed: 1 missed, 0 false</h3>" in page
    assert page.count("0 false</h3>") == 1
    assert "<p>none</p>" in calls_of(call([], caught)).partition("<h2>Missed and false</h2>")[2]


def test_a_figure_that_is_not_known_is_a_dash() -> None:
    assert "<td>–</td>" in calls_of(call([alert("A", 10, 12)]))


def test_the_same_picture_is_the_same_text() -> None:
    assert svg(Figure()) == svg(Figure())
    assert svg(Figure()).startswith("<svg")
