"""What firing, taking, escalating, ending and the passing of time do to one alert."""

from typing import Any

import pytest

from callguard.alerts.alert import Alert
from callguard.alerts.effects import PromptAgent, RingSupervisors, SendTo, StopRinging
from callguard.alerts.life_cycle import LifeCycle
from callguard.alerts.outcome import Outcome
from callguard.alerts.ringing import Ringing
from callguard.alerts.silences import Silence, SilenceScope
from callguard.alerts.state import MOST_PAST, StoreState
from callguard.contracts.events import AlertAcknowledged, AlertEscalated, AlertFired, AlertResolved
from tests.alerts.floor import policy, types

ACTIONS = ("ring_whisper", "webhook:chat", "prompt:slow-down")


class Course:
    """A life cycle over a memory of its own."""

    def __init__(self) -> None:
        self.state = StoreState()
        settings = policy(escalate_after_s=20)
        self.heard = {"c1"}
        ringing = Ringing(self.state, settings, {}, lambda _: True)
        self.cycle = LifeCycle(self.state, settings, ringing, lambda call: call in self.heard)

    def alert(self, name: str = "1", **facts: Any) -> Alert:
        usual = {"call": "c1", "rule": name, "leg": "customer", "severity": "critical", "actions": ACTIONS}
        made = Alert(**({"id": name, "evidence": {"a": 1}} | usual | facts))
        self.state.alerts[name] = made
        return made

    def fire(self, alert: Alert, now: float = 0.0) -> Outcome:
        out = Outcome()
        self.cycle.fire(alert, now, out)
        return out

    def settle(self, now: float) -> Outcome:
        out = Outcome()
        self.cycle.settle(now, out)
        return out

    def silence(self, until: float) -> None:
        scope = SilenceScope(call="c1")
        self.state.silences = [Silence(id="s", by="ann", why="known", since=0.0, until=until, scope=scope)]


@pytest.fixture
def course() -> Course:
    return Course()


def only(out: Outcome, kind: type) -> Any:
    """Return the one event or effect of a kind."""
    (found,) = [each for each in [*out.events, *out.effects] if isinstance(each, kind)]
    return found


def test_firing_is_told_with_evidence_then_carried_out(course: Course) -> None:
    alert = course.alert()
    out = course.fire(alert, 7.0)
    event = only(out, AlertFired)
    assert (event.evidence, event.actions, event.merged, event.passed_over) == ({"a": 1}, ACTIONS, False, {})
    assert (event.silenced_by, event.inhibited_by) == (None, None)
    assert [type(effect) for effect in out.effects] == [PromptAgent, SendTo, RingSupervisors]
    assert only(out, PromptAgent) == PromptAgent("1", "c1", "slow-down")
    assert only(out, SendTo) == SendTo("webhook:chat", event)
    assert (alert.state, alert.fired_at, alert.told) == ("fired", 7.0, True)


def test_on_trial_it_is_told_and_does_nothing(course: Course) -> None:
    out = course.fire(course.alert(shadow=True))
    assert (only(out, AlertFired).merged, out.effects) == (False, [])
    assert course.settle(99.0).effects == []


def test_silenced_it_is_told_by_what_and_carried_out_when_the_silence_is_over(course: Course) -> None:
    course.silence(until=30.0)
    out = course.fire(course.alert())
    assert (only(out, AlertFired).silenced_by, out.effects) == ("s", [])
    assert course.settle(29.9).effects == []
    later = course.settle(30.0)
    assert later.events == []
    assert only(later, RingSupervisors).supervisors == ("ann", "bob")
    assert only(later, SendTo).receiver == "webhook:chat"


def test_when_nobody_is_free_it_says_so_and_waits(course: Course) -> None:
    for name in ("ann", "bob", "chief"):
        course.state.joined[f"other-{name}"] = name
    alert = course.alert()
    event = only(course.fire(alert), AlertFired)
    assert event.merged
    assert event.passed_over == {"ann": "in_call", "bob": "in_call", "chief": "in_call"}
    assert alert.waiting
    course.state.joined.clear()
    assert only(course.settle(1.0), RingSupervisors).tier == 1


def test_who_is_in_the_call_takes_what_would_have_rung(course: Course) -> None:
    course.state.joined["c1"] = "ann"
    alert = course.alert()
    out = course.fire(alert, 7.0)
    assert types(out) == ["fired", "acknowledged"]
    event = only(out, AlertFired)
    assert (event.merged, event.passed_over) == (True, {})
    assert (alert.owner, alert.state) == ("ann", "acknowledged")
    quiet = course.alert("2", actions=("notify",))
    assert types(course.fire(quiet)) == ["fired"]


def test_taking_it_says_how_long_it_took_and_ends_the_waiting(course: Course) -> None:
    alert = course.alert()
    course.fire(alert, 7.0)
    alert.waiting = True
    out = Outcome()
    course.cycle.own(alert, "bob", 10.0, out)
    event = only(out, AlertAcknowledged)
    assert (event.by, event.after_s, alert.owner, alert.waiting) == ("bob", 3.0, "bob", False)


def test_unanswered_it_escalates_to_the_next_tier_and_then_waits_without_a_word(course: Course) -> None:
    alert = course.alert()
    course.fire(alert)
    assert course.settle(19.9).events == []
    out = course.settle(20.0)
    event = only(out, AlertEscalated)
    assert (event.tier, event.passed_over) == (2, {})
    assert only(out, StopRinging) == StopRinging("1")
    assert only(out, RingSupervisors).supervisors == ("chief",)
    last = course.settle(40.0)
    assert (last.events, last.effects) == ([], [StopRinging("1")])
    assert alert.waiting


def test_ending_tells_how_long_it_lasted_to_all_who_were_told(course: Course) -> None:
    alert = course.alert()
    course.fire(alert, 7.0)
    out = Outcome()
    course.cycle.end(alert, "calm", 10.0, out)
    event = only(out, AlertResolved)
    assert (event.reason, event.lasted_s) == ("calm", 3.0)
    assert only(out, SendTo) == SendTo("webhook:chat", event)
    assert only(out, StopRinging) == StopRinging("1")
    assert course.state.alerts == {}
    assert course.state.past["1"].evidence == {}


def test_what_never_fired_is_cancelled_told_to_no_receiver_and_not_remembered(course: Course) -> None:
    alert = course.alert()
    out = Outcome()
    course.cycle.end(alert, "call_ended", 10.0, out)
    event = only(out, AlertResolved)
    assert (event.reason, event.lasted_s, out.effects, course.state.past) == ("cancelled", 0.0, [], {})


def test_who_was_not_told_of_the_beginning_is_not_told_of_the_end(course: Course) -> None:
    course.silence(until=99.0)
    alert = course.alert()
    course.fire(alert)
    out = Outcome()
    course.cycle.end(alert, "calm", 10.0, out)
    assert out.effects == []


@pytest.mark.parametrize(("heard", "reason"), [({"c1"}, "calm"), (set(), "unheard")])
def test_an_alert_that_is_not_confirmed_in_time_ends_calm_if_its_call_is_heard(
    course: Course, heard: set[str], reason: str
) -> None:
    course.heard = heard
    alert = course.alert()
    course.fire(alert)
    alert.confirm_by = 5.0
    assert course.settle(4.9).events == []
    assert only(course.settle(5.0), AlertResolved).reason == reason


def test_the_most_needed_alert_rings_first(course: Course) -> None:
    for name in ("ann", "bob", "chief"):
        course.state.joined[f"other-{name}"] = name
    for name, severity, call in (("1", "warning", "c1"), ("2", "critical", "c2")):
        course.fire(course.alert(name, severity=severity, call=call))
    del course.state.joined["other-chief"]
    assert only(course.settle(1.0), RingSupervisors).alert == "2"


def test_past_alerts_are_limited_the_oldest_go(course: Course) -> None:
    for number in range(MOST_PAST + 2):
        alert = course.alert(str(number), actions=())
        course.fire(alert)
        course.cycle.end(alert, "calm", 1.0, Outcome())
    assert len(course.state.past) == MOST_PAST
    assert "1" not in course.state.past
    assert "2" in course.state.past
