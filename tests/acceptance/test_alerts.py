"""Each path that an alert can take, as a script in virtual time: who is told what, and when."""

from datetime import UTC, datetime

import pytest

from callguard.alerts import AlertError, Outcome, SilenceScope
from callguard.alerts.effects import PromptAgent, RingSupervisors, SendTo, StopRinging
from callguard.alerts.store import RECONFIRM_S
from callguard.config import Inhibit, SupervisorConfig
from callguard.contracts.events import AlertAcknowledged, AlertFired, AlertResolved
from tests.alerts.floor import ANN, BOB, CHIEF, AlertManager, policy, rung, types

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC).timestamp()


def test_an_alert_fires_rings_is_answered_and_resolves() -> None:
    desk = AlertManager()
    assert types(desk.rule("pending", 0)) == ["pending"]
    fired = desk.rule("fired", 1, evidence={"expr": "x > 1", "basis": "raised_voice"}, queue="support", agent="kim")
    assert types(fired) == ["fired"]
    assert fired.effects == [RingSupervisors("1", "c1", ("ann", "bob"), 1, "whisper", 15.0)]
    answered = desk.note(desk.book.joined("c1", "bob", 5.5, alert="1"))
    assert types(answered) == ["acknowledged"]
    assert answered.effects == []
    resolved = desk.rule("resolved", 60, reason="calm")
    assert types(resolved) == ["resolved"]
    first, taken, last = desk.events[1:]
    assert isinstance(first, AlertFired)
    assert isinstance(taken, AlertAcknowledged)
    assert isinstance(last, AlertResolved)
    assert (first.evidence["expr"], first.basis, first.queue, first.agent) == (
        "x > 1",
        "raised_voice",
        "support",
        "kim",
    )
    assert (taken.by, taken.after_s) == ("bob", 4.5)
    assert (last.reason, last.lasted_s) == ("calm", 59)
    assert {event.alert for event in desk.events} == {"1"}


def test_a_pending_alert_that_calms_down_is_cancelled_and_rings_nobody() -> None:
    desk = AlertManager()
    desk.rule("pending", 0)
    outcome = desk.rule("cancelled", 0.5)
    assert isinstance(outcome.events[0], AlertResolved)
    assert outcome.events[0].reason == "cancelled"
    assert desk.effects == []


def test_the_same_rule_on_the_same_call_is_one_alert() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    again = desk.rule("fired", 1)
    assert (again.events, again.effects) == ([], [])
    assert types(desk.rule("fired", 1, call="c2")) == ["fired"]


def test_a_condition_that_returns_is_a_new_alert() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    desk.rule("resolved", 5)
    desk.rule("fired", 9)
    assert [event.alert for event in desk.events] == ["1", "1", "2"]


def test_nobody_answers_and_the_next_tier_is_rung() -> None:
    desk = AlertManager(policy(escalate_after_s=20, ring_again_s=0))
    desk.rule("fired", 0)
    assert desk.tick(19.9).events == []
    escalated = desk.tick(20)
    assert types(escalated) == ["escalated"]
    assert escalated.effects == [StopRinging("1"), RingSupervisors("1", "c1", ("chief",), 2, "whisper", 15.0)]
    assert desk.tick(40).effects == [StopRinging("1")]
    assert desk.tick(300).effects == []
    assert [alert.id for alert in desk.book.waiting()] == ["1"]
    assert types(desk.note(desk.book.acknowledge("1", "ann", 301))) == ["acknowledged"]


def test_a_ring_that_fails_goes_to_the_next_tier_without_waiting() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    assert rung(desk.note(desk.book.unanswered("1", 3))) == [("chief",)]


def test_while_nobody_takes_it_all_tiers_are_rung_again() -> None:
    """From the first tier on, a minute after the last one went unanswered, until somebody answers."""
    desk = AlertManager(policy(escalate_after_s=20, ring_again_s=60))
    desk.rule("fired", 0)
    desk.tick(20)
    desk.tick(40)
    assert desk.tick(99.9).effects == []
    again = desk.tick(100)
    assert (types(again), rung(again)) == (["escalated"], [("ann", "bob")])
    assert rung(desk.tick(120)) == [("chief",)]
    desk.tick(140)
    assert rung(desk.tick(200)) == [("ann", "bob")]
    desk.note(desk.book.acknowledge("1", "ann", 210))
    assert desk.tick(1000).effects == []


def test_a_lone_supervisor_is_rung_again_within_the_budget() -> None:
    desk = AlertManager(policy([ANN], escalate_after_s=20, ring_again_s=60, budget_per_hour=3))
    desk.rule("fired", 0)
    times = [now for now in range(1, 3600) if rung(desk.tick(now))]
    assert times == [80, 160]
    assert rung(desk.tick(3600)) == [("ann",)], "the first ring is an hour ago"


def test_a_round_that_was_begun_goes_on_after_a_restart() -> None:
    desk = AlertManager(policy([ANN], escalate_after_s=20, ring_again_s=60))
    desk.rule("fired", 0)
    desk.tick(20)
    desk.restart(50)
    desk.rule("fired", 51)
    assert [now for now in range(51, 100) if rung(desk.tick(now))] == [80]


def test_only_the_first_to_take_an_alert_owns_it() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    assert desk.note(desk.book.acknowledge("1", "ann", 2)).effects == [StopRinging("1")]
    with pytest.raises(AlertError, match="owned by ann already"):
        desk.book.acknowledge("1", "bob", 3)
    assert desk.book.acknowledge("1", "ann", 3).events == []
    assert types(desk.note(desk.book.joined("c1", "bob", 4))) == []


def test_an_answer_that_comes_too_late_or_in_another_call_takes_nothing() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    desk.book.acknowledge("1", "ann", 2)
    assert desk.book.joined("c1", "bob", 3, alert="1").events == []
    desk.rule("fired", 4, call="c2")
    assert desk.book.joined("c3", "bob", 5, alert="2").events == []
    assert desk.book.get("2").owner is None


def test_a_supervisor_who_joins_by_command_takes_the_ring_over() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    joined = desk.note(desk.book.joined("c1", "chief", 2))
    assert types(joined) == ["acknowledged"]
    assert joined.effects == [StopRinging("1")]


def test_while_somebody_helps_further_alerts_of_the_call_are_theirs() -> None:
    desk = AlertManager()
    desk.book.joined("c1", "ann", 0)
    outcome = desk.rule("fired", 1)
    assert types(outcome) == ["fired", "acknowledged"]
    assert outcome.effects == []
    desk.rule("resolved", 5)
    desk.note(desk.book.left("c1", "ann", 6))
    assert rung(desk.rule("fired", 7)) == [("ann", "bob")]


def test_a_second_alert_of_a_call_shares_its_ring() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    second = desk.rule("fired", 1, rule="StillRising")
    assert isinstance(second.events[0], AlertFired)
    assert second.events[0].merged
    assert second.effects == []
    assert desk.rule("resolved", 2).effects == []
    assert types(desk.note(desk.book.joined("c1", "ann", 3, alert="1"))) == ["acknowledged"]


def test_ringing_stops_when_the_customer_calms_down() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    assert desk.rule("resolved", 5).effects == [StopRinging("1")]


def test_the_end_of_the_call_ends_everything() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    desk.rule("pending", 0, rule="Other")
    ended = desk.note(desk.book.call_ended("c1", 4))
    assert [event.reason for event in ended.events if isinstance(event, AlertResolved)] == ["call_ended", "cancelled"]
    assert ended.effects == [StopRinging("1")]
    assert desk.rule("resolved", 5).events == []


def test_critical_speaks_for_warning_and_hands_over_when_it_ends() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    warning = desk.rule("fired", 1, rule="Raised", severity="warning", actions=("ring_listen", "webhook:chat"))
    assert isinstance(warning.events[0], AlertFired)
    assert warning.events[0].inhibited_by == "1"
    assert warning.effects == []
    handed = desk.rule("resolved", 9)
    assert rung(handed) == [("ann", "bob")]
    assert [effect.receiver for effect in handed.effects if isinstance(effect, SendTo)] == ["webhook:chat"]


def test_inhibition_follows_configured_labels_and_stays_within_a_call() -> None:
    rules = (Inhibit(source={"tier": "ring"}, target={"rule": "Raised"}),)
    desk = AlertManager(policy(inhibit=rules))
    desk.rule("fired", 0, labels={"tier": "ring"})
    assert rung(desk.rule("fired", 1, rule="Raised", call="c2", labels={"tier": "ring"})) == [("chief",)]
    inhibited = desk.rule("fired", 2, rule="Raised").events[0]
    assert isinstance(inhibited, AlertFired)
    assert inhibited.inhibited_by == "1"


def test_a_silence_rings_nobody_and_says_which() -> None:
    desk = AlertManager()
    silence, _ = desk.book.silence("ann", "training day", 0, 100, SilenceScope(queue="support"))
    quiet = desk.rule("fired", 1, queue="support")
    assert isinstance(quiet.events[0], AlertFired)
    assert quiet.events[0].silenced_by == silence.id
    assert quiet.effects == []
    assert rung(desk.rule("fired", 2, queue="sales", call="c2")) == [("ann", "bob")]


@pytest.mark.parametrize("ends", ["by itself", "early", "after a restart"])
def test_an_alert_that_outlives_its_silence_rings_then(ends: str) -> None:
    desk = AlertManager()
    silence, _ = desk.book.silence("ann", "tea", 0, 100, SilenceScope(call="c1"))
    desk.rule("fired", 50)
    if ends == "after a restart":
        desk.restart(60)
        desk.rule("fired", 61)
    assert desk.tick(90).effects == []
    outcome = desk.book.unsilence(silence.id, 99) if ends == "early" else desk.tick(100)
    assert rung(outcome) == [("ann", "bob")]


def test_a_silence_stops_what_rings() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    _, outcome = desk.book.silence("bob", "false alarm", 1, 60, SilenceScope(rule="Shout*"))
    assert outcome.effects == [StopRinging("1")]
    assert rung(desk.tick(60)) == [("ann", "bob")]


@pytest.mark.parametrize(("why", "until"), [(" ", 10), ("x", 0), ("x", 8 * 86400)])
def test_a_silence_has_a_reason_and_an_end(why: str, until: float) -> None:
    with pytest.raises(AlertError):
        AlertManager().book.silence("ann", why, 0, until, SilenceScope())


def test_over_the_budget_alerts_are_merged_in_sight_and_the_worst_rings_first() -> None:
    desk = AlertManager(policy([ANN], budget_per_hour=2))
    for number, call in enumerate(["c1", "c2"]):
        assert rung(desk.rule("fired", number, call=call)) == [("ann",)]
        desk.rule("resolved", number + 0.5, call=call)
    mild = desk.rule("fired", 10, call="c3", severity="warning", score=0.7)
    desk.rule("fired", 11, call="c4", score=0.6)
    desk.rule("fired", 12, call="c5", score=0.8)
    assert isinstance(mild.events[0], AlertFired)
    assert mild.events[0].merged
    assert [alert.call for alert in desk.book.waiting()] == ["c5", "c4", "c3"]
    assert desk.tick(3599).effects == []
    assert [effect.call for effect in desk.tick(3600).effects if isinstance(effect, RingSupervisors)] == ["c5"]


ASKED = {"evidence": {"basis": "agent"}, "queue": "support", "agent": "kim"}


def test_a_silence_holds_no_cry_for_help_back() -> None:
    desk = AlertManager(policy([ANN]))
    desk.note(desk.book.silence("ann", "fire drill", 0, 3600, SilenceScope())[1])
    assert rung(desk.rule("fired", 1, call="c1")) == []
    assert rung(desk.rule("fired", 2, rule="AgentAsksForHelp", call="c2", **ASKED)) == [("ann",)]


def test_a_silence_that_begins_while_a_cry_for_help_rings_does_not_stop_it() -> None:
    desk = AlertManager(policy([ANN]))
    assert rung(desk.rule("fired", 1, rule="AgentAsksForHelp", **ASKED)) == [("ann",)]
    assert desk.note(desk.book.silence("ann", "fire drill", 2, 3600, SilenceScope())[1]).effects == []


def test_another_alert_inhibits_no_cry_for_help() -> None:
    all_of_it = Inhibit(source={"rule": "Shouting"}, target={"severity": "critical"})
    desk = AlertManager(policy([ANN], inhibit=(all_of_it,)))
    desk.rule("fired", 1, actions=("notify",))
    assert rung(desk.rule("fired", 2, rule="AbuseReported", actions=("ring_listen",), **ASKED)) == [("ann",)]


def test_a_spent_budget_holds_no_cry_for_help_back() -> None:
    desk = AlertManager(policy([ANN], budget_per_hour=1))
    assert rung(desk.rule("fired", 1, call="c1")) == [("ann",)]
    desk.rule("resolved", 2, call="c1")
    assert rung(desk.rule("fired", 3, call="c2")) == []
    asked = desk.rule("fired", 4, rule="AgentAsksForHelp", call="c3", **ASKED)
    assert rung(asked) == [("ann",)]
    assert isinstance(asked.events[0], AlertFired)
    assert asked.events[0].passed_over == {}


def test_who_is_busy_is_not_rung_and_the_alert_waits_for_them() -> None:
    desk = AlertManager(policy([ANN]))
    desk.book.joined("c0", "ann", 0)
    assert desk.rule("fired", 1).effects == []
    assert rung(desk.book.left("c0", "ann", 2)) == [("ann",)]


def test_an_unreachable_supervisor_is_passed_over() -> None:
    desk = AlertManager()
    desk.book.available("ann", "unreachable", 0)
    assert rung(desk.rule("fired", 1)) == [("bob",)]
    desk.book.available("ann", None, 2)
    assert rung(desk.rule("fired", 3, call="c2")) == [("ann",)]


def test_a_busy_phone_is_passed_over_and_offered_the_alert_when_it_is_free() -> None:
    desk = AlertManager(policy([ANN, CHIEF], escalate_after_s=20))
    desk.book.available("ann", "busy", 0)
    fired = desk.rule("fired", 1)
    assert rung(fired) == [("chief",)]
    assert passed_over(fired) == {"ann": "busy"}
    assert rung(desk.book.available("ann", None, 5)) == [], "the ring of tier 2 goes on"
    declined = desk.book.unanswered("1", 6)
    assert rung(declined) == [("ann",)]
    assert types(declined) == ["escalated"]
    assert rung(desk.tick(26)) == [], "nobody is rung twice for one alert"


def test_our_own_ring_makes_a_phone_busy_and_goes_on() -> None:
    desk = AlertManager(policy([ANN]))
    assert rung(desk.rule("fired", 0)) == [("ann",)]
    assert desk.book.available("ann", "busy", 0.1).effects == []
    other = desk.rule("fired", 1, call="c2")
    assert passed_over(other) == {"ann": "ringing"}
    assert types(desk.book.joined("c1", "ann", 4, "1")) == ["acknowledged"]
    assert rung(desk.book.left("c1", "ann", 9)) == [], "the phone is still being put down"
    assert rung(desk.book.available("ann", None, 9.2)) == [("ann",)]


def test_while_every_phone_is_busy_an_alert_is_notified_says_so_and_rings_who_is_free_first() -> None:
    desk = AlertManager()
    for name, away in (("ann", "busy"), ("bob", "unreachable"), ("chief", "busy")):
        desk.book.available(name, away, 0)  # type: ignore[arg-type]
    fired = desk.rule("fired", 1, actions=("ring_whisper", "webhook:chat"))
    assert [type(effect) for effect in fired.effects] == [SendTo]
    assert passed_over(fired) == {"ann": "busy", "bob": "unreachable", "chief": "busy"}
    assert [alert.id for alert in desk.book.waiting()] == ["1"]
    freed = desk.book.available("chief", None, 30)
    assert (rung(freed), types(freed)) == ([("chief",)], [])
    later = desk.book.unanswered("1", 40)
    assert (rung(later), types(later)) == ([], [])
    assert types(desk.book.available("bob", None, 41)) == ["escalated"]


def test_whose_phone_came_back_while_an_alert_waits_is_not_rung_once_it_is_over() -> None:
    desk = AlertManager(policy([ANN]))
    desk.book.available("ann", "busy", 0)
    desk.rule("fired", 1)
    desk.rule("resolved", 2)
    assert desk.book.available("ann", None, 3).effects == []


def passed_over(outcome: Outcome) -> dict[str, str]:
    event = outcome.events[0]
    assert isinstance(event, AlertFired)
    return dict(event.passed_over)


def test_team_shift_and_tier_decide_who_is_rung() -> None:
    floor = SupervisorConfig(name="floor", endpoint="PJSIP/3", teams=("floor",))
    shop = SupervisorConfig(name="shop", endpoint="PJSIP/4", teams=("shop",))
    night = SupervisorConfig(name="night", endpoint="PJSIP/5", hours="22:00-06:00")
    weekend = SupervisorConfig(name="weekend", endpoint="PJSIP/6", days=("sat", "sun"))
    desk = AlertManager(policy([floor, shop, night, weekend, CHIEF]))
    assert rung(desk.rule("fired", MONDAY_NOON, queue="support")) == [("floor",)]
    desk.rule("resolved", MONDAY_NOON + 5)
    assert rung(desk.rule("fired", MONDAY_NOON + 12 * 3600, queue="sales", call="c2")) == [("shop", "night")]


def test_nobody_on_shift_waits_for_the_shift() -> None:
    late = SupervisorConfig(name="late", endpoint="PJSIP/3", hours="13:00-18:00")
    desk = AlertManager(policy([late]))
    assert desk.rule("fired", MONDAY_NOON).effects == []
    assert rung(desk.tick(MONDAY_NOON + 3600)) == [("late",)]


def test_a_shadow_rule_publishes_and_rings_nobody() -> None:
    desk = AlertManager()
    actions = ("ring_barge", "webhook:chat", "prompt:calm")
    fired = desk.rule("fired", 0, shadow=True, actions=actions).events[0]
    assert fired.shadow
    assert isinstance(fired, AlertFired)
    assert not fired.merged
    desk.tick(100)
    desk.rule("resolved", 101)
    assert desk.effects == []


def test_a_shadow_alert_speaks_for_no_other() -> None:
    desk = AlertManager()
    desk.rule("fired", 0, shadow=True)
    assert rung(desk.rule("fired", 1, rule="Raised", severity="warning")) == [("ann", "bob")]


def test_a_private_rule_whispers_and_leaves_no_trace() -> None:
    desk = AlertManager()
    for kind in ("pending", "fired", "resolved"):
        desk.rule(kind, 0, private=True, leg="agent", actions=("prompt:lower_your_voice",))
    assert desk.effects == [PromptAgent("", "c1", "lower_your_voice")]
    assert desk.events == []
    assert desk.book.changes() == {}


def test_receivers_of_an_alert_get_its_end() -> None:
    desk = AlertManager()
    desk.rule("fired", 0, actions=("notify", "queue_log", "email:floor"))
    desk.rule("resolved", 5, actions=("notify", "queue_log", "email:floor"))
    sent = [(effect.receiver, type(effect.event)) for effect in desk.effects if isinstance(effect, SendTo)]
    assert sent == [
        ("queue_log", AlertFired),
        ("email:floor", AlertFired),
        ("queue_log", AlertResolved),
        ("email:floor", AlertResolved),
    ]


def test_verdicts_are_counted_once_an_alert_and_may_be_changed() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    desk.rule("resolved", 5)
    desk.book.judge("1", "false", "ann")
    assert types(desk.book.judge("1", "early", "ann")) == ["judged"]
    desk.restart(6)
    assert desk.book.verdicts() == {"Shouting": {"false": 0, "early": 1}}
    with pytest.raises(AlertError, match="no open alert '7'"):
        desk.book.judge("7", "useful", "ann")


def test_after_a_restart_a_ring_rings_again_and_nothing_is_published_twice() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    again = desk.restart(10)
    assert again.events == []
    assert rung(again) == [("ann", "bob")]
    assert desk.rule("pending", 11).events == []
    assert desk.rule("fired", 12).events == []
    assert types(desk.rule("resolved", 50)) == ["resolved"]


def test_a_call_that_nobody_can_join_yet_rings_nobody_until_somebody_can() -> None:
    """After a restart its channels are not known yet; during a transfer it has no agent."""
    calls: set[str] = set()
    desk = AlertManager(joinable=calls.__contains__)
    assert rung(desk.rule("fired", 0)) == []
    assert [alert.id for alert in desk.book.waiting()] == ["1"]
    calls.add("c1")
    assert rung(desk.tick(1)) == [("ann", "bob")]
    calls.clear()
    assert rung(desk.restart(2)) == []
    calls.add("c1")
    assert rung(desk.tick(3)) == [("ann", "bob")], "it rang when we died: the same are rung again"


def test_after_a_restart_nobody_counts_as_being_in_a_call() -> None:
    desk = AlertManager()
    desk.book.joined("c1", "ann", 0)
    desk.restart(1)
    assert rung(desk.rule("fired", 2)) == [("ann", "bob")]


def test_after_a_restart_an_alert_whose_rule_stays_silent_ends() -> None:
    desk = AlertManager()
    desk.rule("fired", 0, actions=("notify",))
    desk.restart(10)
    assert desk.tick(39).events == []
    assert types(desk.tick(40)) == ["resolved"]


def test_after_a_restart_alerts_of_calls_that_are_gone_end() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    desk.rule("fired", 0, call="c2")
    desk.restart(10)
    ended = desk.book.retain_calls({"c2"}, 11)
    assert [event.call for event in ended.events] == ["c1"]


def test_after_a_restart_an_alert_needs_no_confirmation_while_its_customer_waits_for_the_agent() -> None:
    desk = AlertManager()
    desk.rule("fired", 0, actions=("notify",))
    desk.restart(10)
    for second in range(11, 11 + 2 * int(RECONFIRM_S)):
        assert desk.book.retain_calls({}, second, lambda call: call == "c1").events == []
        assert desk.book.tick(second).events == []
    back = 11 + 2 * int(RECONFIRM_S)
    assert desk.book.retain_calls({"c1"}, back).events == []
    assert [event.TYPE for event in desk.book.tick(back + RECONFIRM_S).events] == [AlertResolved.TYPE]


def test_a_lost_worker_leaves_no_alert_behind() -> None:
    desk = AlertManager()
    desk.rule("fired", 0, actions=("notify",))
    desk.book.unconfirm("c1", 5)
    desk.rule("fired", 20)
    assert desk.tick(100).events == []
    desk.book.unconfirm("c1", 200)
    assert types(desk.tick(230)) == ["resolved"]


def test_what_cannot_be_read_after_a_restart_costs_nothing_else() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    desk.rule("fired", 0, call="c2")
    desk.keep()
    desk.kept["alert|1"] = '{"version": 2}'
    desk.restart(1)
    assert [alert.id for alert in desk.book.open()] == ["2"]


def test_a_new_configuration_keeps_what_is_going_on() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    desk.book.available("bob", "busy", 0)
    desk.book.reconfigure(policy([BOB, CHIEF], escalate_after_s=5))
    assert rung(desk.rule("fired", 1, call="c2")) == [("chief",)]
    assert types(desk.rule("resolved", 2)) == ["resolved"]


def test_what_has_not_fired_cannot_be_taken() -> None:
    desk = AlertManager()
    desk.rule("pending", 0)
    with pytest.raises(AlertError, match="has not fired yet"):
        desk.book.acknowledge("1", "ann", 1)
    with pytest.raises(AlertError, match="has not fired yet"):
        desk.book.judge("1", "false", "ann")
    with pytest.raises(AlertError, match="no open alert 'x'"):
        desk.book.acknowledge("x", "ann", 1)
