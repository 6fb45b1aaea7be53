import json

import numpy as np
import pytest

from callguard.analysis.calls import ScoredCall, operating_point, read_index, summarise
from callguard.analysis.episodes import Episode
from callguard.analysis.recordings import RecordingError
from callguard.analysis.replay import Alert


def alert(rule: str, fired: float, resolved: float | None, severity: str = "warning") -> Alert:
    return Alert(rule, "customer", severity, fired, resolved, 0.8, {})


def call(alerts: list[Alert], raised: list[float] | None = None, kind: str = "cust_angry") -> ScoredCall:
    values = np.array(raised or [0.1] * 600, np.float32)
    return ScoredCall("a.flac", kind, 60.0, (Episode(30.0, 50.0),), values, tuple(alerts), {"kind": kind})


def test_alerts_of_several_rules_that_overlap_are_one_for_a_supervisor():
    found = call([alert("A", 5, 15), alert("B", 8, 20), alert("C", 33, 45), alert("D", 36, None)]).verdict_of_any()
    assert found.false == (5,)
    assert found.delays == (3.0,)


def test_what_rings_nobody_is_no_alert_for_a_supervisor():
    found = call([alert("OnTrial", 5, 9, "info"), alert("OnTrial", 31, 40, "info")]).verdict_of_any()
    assert found.false == ()
    assert found.delays == (None,)


def test_the_summary_counts_every_rule_and_all_together():
    figures = summarise([call([alert("A", 33, 40)]), call([alert("B", 10, 12)])])
    assert figures["rules"]["A"]["caught"] == 1
    assert figures["rules"]["B"]["false_alerts"] == 1
    assert (figures["any_rule"]["caught"], figures["any_rule"]["false_alerts"]) == (1, 1)


def test_the_operating_point_is_the_lowest_threshold_that_is_quiet_enough():
    values = [0.3 if at == 100 else 0.1 for at in range(600)]
    values[100:112] = [0.3] * 12
    values[310:340] = [0.5] * 30
    found = operating_point([call([], values)], most_per_hour=1.0)
    assert found is not None
    assert found["threshold"] == pytest.approx(0.30)
    assert (found["caught"], found["false_alerts"]) == (1, 0)


@pytest.mark.parametrize("text", ["", "{}", "[]", '[{"kind": "calm"}]', "[1]"])
def test_an_index_that_is_none_is_told(tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(RecordingError, match=r"index\.json"):
        read_index(tmp_path)


def test_an_index_is_read(tmp_path):
    (tmp_path / "index.json").write_text(json.dumps([{"file": "a.flac"}]))
    assert read_index(tmp_path) == [{"file": "a.flac"}]
