"""The overview holds what goes on, nothing else, however often an event comes."""

from typing import Any

import pytest

from callguard.bus.nodes import Heard
from callguard.bus.overview import Change, Overview
from callguard.contracts.events import (
    AlertAcknowledged,
    AlertEscalated,
    AlertJudged,
    AlertPending,
    CallUpdated,
    Event,
    NodeDegraded,
    NodeHearing,
    NodeRecovered,
    NodeStarted,
    NodeStopped,
    SupervisionEnded,
    SupervisionModeChanged,
    SupervisionRinging,
    TapLost,
    published,
)
from tests.support.events import (
    alert_fired,
    alert_resolved,
    call_ended,
    call_started,
    snapshot,
    supervision_cutting,
    supervision_started,
    supervision_suspended,
)


def fold(*events: Event, times: int = 1) -> Overview:
    overview = Overview()
    for event in events:
        for _ in range(times):
            overview.apply(published(event, "n1"))
    return overview


def acknowledged(by: str = "Ann") -> AlertAcknowledged:
    return AlertAcknowledged(call="c1", alert="a1", rule="CustomerRaisedVoice", leg="customer", by=by, after_s=3)


def test_an_alert_that_nobody_is_free_for_says_so_until_somebody_is_rung() -> None:
    fired = alert_fired("c1", "a1", passed_over={"Ann": "busy", "Bob": "unreachable"})
    overview = fold(call_started("c1"), fired)
    said = "nobody free: Ann (phone busy), Bob (phone out of reach)"
    assert overview.nobody_free(overview.alerts["a1"]) == said
    ringing = SupervisionRinging(call="c1", session="s1", supervisor="Ann", mode="whisper", alert="a1")
    overview.apply(published(ringing, "n1"))
    assert overview.nobody_free(overview.alerts["a1"]) == ""
    taken = fold(call_started("c1"), fired, acknowledged())
    assert taken.nobody_free(taken.alerts["a1"]) == ""


@pytest.mark.parametrize("times", [1, 3])
def test_a_call_from_start_to_end(times: int) -> None:
    lost = TapLost(call="c1", leg="agent", tap="t", channel="x", path="audiosocket", reason="eof")
    hold = CallUpdated(call="c1", mode="raised_voice", agent="Sam", on_hold=True, change="hold")
    events: list[Event] = [call_started("c1"), hold, lost, supervision_started("c1")]
    call = fold(*events, times=times).calls["c1"]

    assert (call.agent, call.on_hold, call.taps) == ("Sam", True, {"agent": "lost"})
    assert call.supervisors == {"s1": {"supervisor": "Ann", "mode": "whisper", "state": "joined"}}

    ended = SupervisionEnded(call="c1", session="s1", supervisor="Ann", mode="listen", reason="stopped", lasted_s=1)
    assert fold(*events, ended, times=times).calls["c1"].supervisors == {}
    assert fold(*events, call_ended("c1"), times=times).calls == {}


def mode_chosen() -> SupervisionModeChanged:
    """A mode chosen while the supervisor waits: for the time afterwards."""
    facts: Any = {"mode": "whisper", "previous": "listen", "by": "key", "suspended": True}
    return SupervisionModeChanged(call="c1", session="s1", supervisor="Ann", **facts)


@pytest.mark.parametrize("times", [1, 3])
def test_a_supervisor_waits_while_the_agent_consults(times: int) -> None:
    joined = (call_started("c1"), supervision_started("c1"))
    for more, state in (
        ([supervision_suspended("c1")], "waiting"),
        ([supervision_suspended("c1"), mode_chosen()], "waiting"),
        ([supervision_suspended("c1"), supervision_suspended("c1", suspended=False)], "joined"),
        ([supervision_suspended("c1"), supervision_cutting("c1")], "cutting"),
    ):
        (supervisor,) = fold(*joined, *more, times=times).calls["c1"].supervisors.values()
        why = {"why": "consultation"} if state == "waiting" else {}
        assert supervisor == {"supervisor": "Ann", "mode": "whisper", "state": state} | why


@pytest.mark.parametrize("times", [1, 3])
def test_an_alert_from_pending_to_resolved(times: int) -> None:
    pending = AlertPending(call="c1", alert="a1", rule="CustomerRaisedVoice", leg="customer")
    tier = AlertEscalated(call="c1", alert="a1", rule="CustomerRaisedVoice", leg="customer", tier=2)
    seen: list[Any] = [call_started("c1")]
    states = []
    for event in (pending, alert_fired(), tier, acknowledged(), alert_resolved()):
        seen.append(event)
        overview = fold(*seen, times=times)
        states.append(overview.alerts["a1"].state if overview.alerts else None)

    assert states == ["pending", "fired", "escalated", "acknowledged", None]
    assert [alert.by for alert in overview.recent] == ["Ann"]


def test_the_end_of_a_call_ends_its_alerts() -> None:
    overview = fold(call_started("c1"), call_started("c2"), alert_fired("c1", "a1"), alert_fired("c2", "a2"))

    changes = overview.apply(published(call_ended("c1"), "n1"))
    assert set(changes) == {Change("call", "c1"), Change("alert", "a1")}
    assert set(overview.alerts) == {"a2"}


def test_what_comes_after_the_end_of_a_call_leaves_nothing() -> None:
    overview = fold(call_started("c1"), call_ended("c1"), alert_fired("c1"), acknowledged(), supervision_started("c1"))

    assert not overview.show(snapshot("c1"))
    assert (overview.calls, overview.alerts, overview.signals, overview.curves) == ({}, {}, {}, {})


def test_calls_are_sorted_by_need() -> None:
    overview = fold(
        call_started("calm"),
        call_started("louder"),
        call_started("taken"),
        call_started("warned"),
        call_started("critical"),
        call_started("trial"),
        alert_fired("taken", "a1"),
        acknowledged(),
        alert_fired("warned", "a2"),
        alert_fired("critical", "a3", severity="critical"),
        alert_fired("trial", "a4", shadow=True),
    )
    overview.show(snapshot("louder", 0.9))

    assert [call.call for call in overview.by_need()] == ["critical", "warned", "taken", "louder", "calm", "trial"]


def test_a_silenced_alert_asks_for_less_than_one_that_nobody_took() -> None:
    overview = fold(
        call_started("c1"),
        alert_fired("c1", "a1", severity="critical", silenced_by="s1"),
        alert_fired("c1", "a2", severity="info"),
    )

    assert [alert.alert for alert in overview.alerts_of("c1")] == ["a2", "a1"]


def test_a_minute_of_raised_voice_is_kept() -> None:
    overview = fold(call_started("c1"))
    for second in range(100):
        overview.show(snapshot("c1", None if second == 99 else second / 100))

    assert len(overview.curves["c1"]) == 60
    assert list(overview.curves["c1"])[-2:] == [0.98, None]


def test_nodes_say_how_they_are() -> None:
    redis = NodeDegraded(node="n1", reason="redis")
    full = NodeDegraded(node="n1", reason="bus_overflow: 3 events dropped")
    overview = fold(NodeStarted(node="n1"), redis, full, NodeRecovered(node="n1", reason="bus_overflow"))
    assert (overview.nodes, overview.degraded) == ({"n1"}, {"n1": {"redis": ""}})

    overview = fold(NodeStarted(node="n1"), call_started("c1"), redis, NodeStopped(node="n1"))
    assert (overview.nodes, overview.degraded, overview.calls) == (set(), {}, {})


def test_what_a_node_hears_is_kept_until_it_stops() -> None:
    hearing = NodeHearing(node="n1", heard=1, calls=2, causes={"no_tap": 1})
    assert fold(NodeStarted(node="n1"), hearing).heard == {"n1": Heard(1, 2, {"no_tap": 1})}
    assert fold(NodeStarted(node="n1"), hearing, NodeStopped(node="n1")).heard == {}


def test_a_call_that_is_not_heard_says_why_until_it_is() -> None:
    overview = fold(call_started("c1"), call_started("c2"))
    why = {"cause": "no_tap", "why": "the tap ended"}
    assert overview.mark("n1", {"c1": ("no_tap", "the tap ended")}) == [Change("call", "c1")]
    assert (overview.calls["c1"].unheard, overview.calls["c2"].unheard) == (why, None)
    assert overview.mark("n1", {"c1": ("no_tap", "the tap ended")}) == [], "nothing changed"
    assert overview.mark("n2", {}) == [], "each node speaks of its own calls"
    assert overview.mark("n1", {}) == [Change("call", "c1")]
    assert overview.calls["c1"].unheard is None


def test_a_call_that_is_not_heard_stands_before_those_that_are_and_after_alerts() -> None:
    overview = fold(call_started("calm"), call_started("louder"), call_started("deaf"), call_started("warned"))
    overview.apply(published(alert_fired("warned", "a1"), "n1"))
    overview.show(snapshot("louder", 0.9))
    overview.mark("n1", {"deaf": ("no_tap", "")})
    assert [call.call for call in overview.by_need()] == ["warned", "deaf", "louder", "calm"]


def test_a_verdict_leaves_an_alert_as_it_is() -> None:
    judged = AlertJudged(call="c1", alert="a1", rule="r", leg="customer", by="Ann", verdict="useful")
    overview = fold(call_started("c1"), alert_fired("c1", "a1"), judged)

    assert overview.alerts["a1"].state == "fired"
