"""What a screen shows is bounded and sorted by need."""

import json

from callguard.bus.overview import Overview
from callguard.console.board import SHOWN, board
from callguard.contracts.events import NodeDegraded, NodeHearing, NodeStarted, SupervisionEnded, published
from tests.support.events import (
    alert_fired,
    alert_resolved,
    call_started,
    handoff_card,
    snapshot,
    supervision_started,
)


def test_the_calls_that_need_somebody_come_first_and_the_rest_is_a_number() -> None:
    overview = Overview()
    for number in range(SHOWN + 10):
        overview.apply(published(call_started(f"c{number}"), "n1"))
    overview.apply(published(alert_fired(f"c{SHOWN + 5}", "a1"), "n1"))
    shown = board(overview, 0.0)

    assert shown["calls"][0]["call"] == f"c{SHOWN + 5}"
    assert len(shown["calls"]) == SHOWN
    assert shown["totals"] == {"calls": SHOWN + 10, "alerts": 1}


def test_a_call_carries_alerts_with_evidence_and_signals() -> None:
    overview = Overview()
    for event in (call_started("c1"), alert_fired("c1", "a1", annotations={"runbook_url": "https://kb/1"})):
        overview.apply(published(event, "n1"))
    overview.show(snapshot("c1", 0.123456))
    (call,) = board(overview, 0.0)["calls"]

    assert call["alerts"][0]["summary"] == "CustomerRaisedVoice"
    assert call["alerts"][0]["runbook"] == "https://kb/1"
    assert call["alerts"][0]["evidence"]["comparisons"]
    assert call["signals"] == {"raised_voice": 0.12, "level_rise_db": 7.5, "unjudged": None, "curve": [0.12]}
    assert json.dumps(board(overview, 0.0))


def test_a_board_says_what_is_heard_what_is_away_and_why_a_call_is_not_heard() -> None:
    overview = Overview()
    deaf = NodeHearing(node="n1", heard=1, calls=2, causes={"no_tap": 1})
    away = NodeDegraded(node="n1", reason="taps: 1 of 2 calls are not heard")
    for event in (NodeStarted(node="n1"), call_started("c1"), call_started("c2"), deaf, away):
        overview.apply(published(event, "n1"))
    overview.mark("n1", {"c2": ("no_tap", "the tap ended")})
    shown = board(overview, 0.0)
    text = "hearing 1 of 2 (1 no tap)"
    assert shown["hearing"] == {"heard": 1, "calls": 2, "causes": {"no_tap": 1}, "text": text}
    assert shown["away"] == {"n1": {"taps": "1 of 2 calls are not heard"}}
    assert shown["nodes"] == ["n1"]
    unheard = {"cause": "no_tap", "why": "the tap ended"}
    assert {call["call"]: call["unheard"] for call in shown["calls"]} == {"c1": None, "c2": unheard}


def test_an_alert_that_nobody_is_free_for_says_who_could_not_be_rung_and_why() -> None:
    overview = Overview()
    for event in (call_started("c1"), alert_fired("c1", "a1", merged=True, passed_over={"lead": "busy"})):
        overview.apply(published(event, "n1"))
    (alert,) = board(overview, 0.0)["calls"][0]["alerts"]
    assert alert["nobody_free"] == "nobody free: lead (phone busy)"


def test_whoever_joined_finds_the_handoff_until_they_leave() -> None:
    overview = Overview()
    for event in (call_started("c1"), supervision_started("c1", card=handoff_card())):
        overview.apply(published(event, "n1"))
    assert board(overview, 0.0)["calls"][0]["handoff"] == [
        "Waited 42 s",
        "Earlier calls: 2, 1 alerts, 0 reports of abuse, 1 take-overs",
        "1:01 Voice is raised (fired)",
        "1:05 prompt: slow-down",
    ]
    ended = SupervisionEnded(call="c1", session="s1", supervisor="Ann", mode="whisper", reason="stopped", lasted_s=1)
    overview.apply(published(ended, "n1"))
    assert board(overview, 0.0)["calls"][0]["handoff"] == []


def test_a_trial_asks_for_nobody() -> None:
    overview = Overview()
    for event in (call_started("c1"), alert_fired("c1", "a1", shadow=True)):
        overview.apply(published(event, "n1"))

    assert board(overview, 0.0)["totals"]["alerts"] == 0


def test_what_was_resolved_is_shown_the_latest_first() -> None:
    overview = Overview()
    overview.apply(published(call_started("c1"), "n1"))
    for alert in ("a1", "a2"):
        overview.apply(published(alert_fired("c1", alert), "n1"))
        overview.apply(published(alert_resolved("c1", alert), "n1"))

    assert [alert["alert"] for alert in board(overview, 0.0)["recent"]] == ["a2", "a1"]
