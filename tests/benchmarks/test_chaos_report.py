"""A run passes only when nobody suffered; each thing that must not be is told."""

from collections import Counter
from dataclasses import replace

import pytest

from benchmarks.chaos_alerts import Alerts
from benchmarks.chaos_records import CallRecord, Cast, Outage, Recording
from benchmarks.chaos_report import Run, figures, problems, table

ALL = [(0.0, 30.0)]
CALL = CallRecord(
    line=1, id="1.1", joining="nobody", began=0.0, ended=30.0, dropped=None, asked_at=None, took_over_at=None,
    apart=None, private=None,
    recordings=(Recording("customer1", 0.0, 30.0, {"agent1": ALL}), Recording("agent1", 0.0, 30.0, {"customer1": ALL})),
)  # fmt: skip
ALERTS = Alerts(due=1, fired=1, sent=1, rung=0, repeats=0, lost=[], doubled=[], unannounced=[], unresolved=[])
FINE = Run(
    cast=Cast(1), calls=[CALL], supervisors=[], outages=[Outage("ari_500", "ari", 1.0, 2.0)], alerts=ALERTS, left=[],
    degraded=Counter(ari=1), open_causes=set(), ready=True, unanswered=0, answered_twice=0, ended_by_itself=[],
    floor_failures=["line 1: busy"], complaints=Counter(),
)  # fmt: skip


def test_a_run_in_which_nobody_suffered_passes() -> None:
    assert problems(FINE) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"calls": [replace(CALL, dropped="agent of line 1, cause 16")]}, "dropped: agent of line 1"),
        ({"calls": [replace(CALL, recordings=(Recording("customer1", 0.0, 30.0, {}),))]}, "deaf: customer1"),
        ({"supervisors": [Recording("supervisor1", 0.0, 30.0, {"agent1": ALL})],
          "outages": [Outage("service_killed", "service", 1.0, 20.0)]}, "wrong ear: supervisor1 heard agent1"),
        ({"alerts": replace(ALERTS, lost=["Loud of 1.1"])}, "alert lost: Loud of 1.1"),
        ({"alerts": replace(ALERTS, doubled=["Loud of 1.1: 2 ids"])}, "alert with several ids"),
        ({"alerts": replace(ALERTS, unannounced=["a1"])}, "resolved, but never told as fired: a1"),
        ({"alerts": replace(ALERTS, unresolved=["a1"])}, "fired, but never told as resolved: a1"),
        ({"unanswered": 2}, "2 commands without an answer"),
        ({"answered_twice": 1}, "1 commands answered twice"),
        ({"left": ["bridge x"]}, "left in Asterisk: bridge x"),
        ({"open_causes": {"ari"}}, "degraded for good: ari"),
        ({"ready": False}, "not ready at the end"),
        ({"ended_by_itself": ["exit status 1"]}, "the service ended by itself"),
        ({"calls": []}, "no call was made"),
    ],
)  # fmt: skip
def test_whatever_must_not_be_is_told(changes: dict[str, object], told: str) -> None:
    found = problems(replace(FINE, **changes))  # type: ignore[arg-type]
    assert len(found) == 1
    assert found[0].startswith(told)


def test_the_table_has_a_row_a_figure() -> None:
    rows = dict(figures(FINE))
    assert rows["faults"] == "1: ari_500 1"
    assert rows["calls"] == "1, 0 with a consultation, 0 taken over"
    assert rows["alerts due / fired / sent / rung"] == "1 / 1 / 1 / 0"
    assert len(table(figures(FINE)).splitlines()) == len(rows)
