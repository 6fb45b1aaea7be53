"""In whatever order things happen, restarts included: no illegal step, no lost or doubled alert, no forbidden ring."""

from collections import defaultdict

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callguard.alerts import AlertError, Outcome, SilenceScope
from callguard.alerts.alert import TABLE
from callguard.alerts.effects import ForgetCall, PromptAgent, RingSupervisors, SendTo, StopRinging
from callguard.alerts.parts import assemble
from callguard.contracts.events import AlertAcknowledged, AlertFired, AlertResolved, Away
from tests.alerts.floor import AlertManager, policy

CALLS = st.sampled_from(["c1", "c2", "c3"])
RULES = {
    "Raised": {"severity": "warning", "actions": ("ring_listen", "webhook:chat")},
    "Shouting": {"severity": "critical", "actions": ("ring_whisper", "queue_log")},
    "Trial": {"severity": "critical", "actions": ("ring_barge", "prompt:calm"), "shadow": True},
    "Board": {"severity": "info", "actions": ("notify",)},
    "Tip": {"severity": "info", "actions": ("prompt:lower",), "private": True},
}
PEOPLE = st.sampled_from(["ann", "bob", "chief"])
BUDGET = 3
ORDER = {"pending": 0, "fired": 1, "escalated": 2, "acknowledged": 3, "judged": 3, "resolved": 4}


class Life(RuleBasedStateMachine):
    """Throws everything at a book and keeps a record of what it should have said."""

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.desk = AlertManager(policy(budget_per_hour=BUDGET, escalate_after_s=20))
        self.firing: set[tuple[str, str]] = set()
        self.rings: dict[str, str] = {}
        self.spent: dict[str, list[float]] = defaultdict(list)
        self.silences: list[str] = []
        self.away: set[str] = set()

    def see(self, outcome: Outcome, *, restarted: bool = False) -> None:
        if restarted:
            self.rings.clear()
        for effect in outcome.effects:
            if isinstance(effect, StopRinging):
                assert self.rings.pop(effect.alert, None) is not None, "stopped a ring that did not ring"
            elif isinstance(effect, RingSupervisors):
                assert effect.call not in self.rings.values(), "two rings for one call"
                self.rings[effect.alert] = effect.call
                assert self.away.isdisjoint(effect.supervisors), "rang a phone that can't be rung"
                for name in effect.supervisors:
                    self.spent[name] = [at for at in self.spent[name] if at > self.now - 3600] + [self.now]
                    assert len(self.spent[name]) <= BUDGET, "over the budget"
            if isinstance(effect, RingSupervisors | SendTo | PromptAgent):
                shadows = {event.alert for event in self.desk.events if event.shadow}
                number = effect.event.alert if isinstance(effect, SendTo) else effect.alert
                assert number not in shadows, "a rule on trial acted"

    @rule(seconds=st.sampled_from([0.1, 1, 15, 21, 31, 1800]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.see(self.desk.tick(self.now))

    @rule(call=CALLS, name=st.sampled_from(sorted(RULES)), score=st.floats(0, 1))
    def fires(self, call: str, name: str, score: float) -> None:
        before = self.open()
        self.see(self.desk.rule("fired", self.now, name, call, score=score, **RULES[name]))
        if name != "Tip":
            number = next(a.id for a in self.desk.book.open() if (a.call, a.rule) == (call, name))
            already = before.get((call, name)) in {"fired", "escalated", "acknowledged"}
            told = sum(isinstance(event, AlertFired) and event.alert == number for event in self.desk.events)
            assert told == 1, "fired exactly once, new or known"
            assert already or isinstance(self.desk.events[-1], AlertFired | AlertAcknowledged)

    @rule(call=CALLS, name=st.sampled_from(sorted(RULES)), kind=st.sampled_from(["pending", "resolved", "cancelled"]))
    def speaks(self, call: str, name: str, kind: str) -> None:
        self.see(self.desk.rule(kind, self.now, name, call, **RULES[name]))
        if kind != "pending":
            assert (call, name) not in self.open()

    @rule(call=CALLS, who=PEOPLE, answer=st.booleans())
    def joins(self, call: str, who: str, answer: bool) -> None:
        ring = next((alert for alert, rung in self.rings.items() if rung == call), None) if answer else None
        if ring is not None:
            del self.rings[ring]
        self.see(self.desk.note(self.desk.book.joined(call, who, self.now, ring)))

    @rule(call=CALLS, who=PEOPLE)
    def leaves(self, call: str, who: str) -> None:
        self.see(self.desk.note(self.desk.book.left(call, who, self.now)))

    @rule(call=CALLS)
    def ring_fails(self, call: str) -> None:
        for alert in [alert for alert, rung in self.rings.items() if rung == call]:
            self.see(self.desk.note(self.desk.book.unanswered(alert, self.now)))

    @rule(pick=st.integers(0, 10), who=PEOPLE)
    def takes(self, pick: int, who: str) -> None:
        alerts = self.desk.book.open()
        try:
            self.see(
                self.desk.note(
                    self.desk.book.acknowledge(alerts[pick % len(alerts)].id if alerts else "x", who, self.now)
                )
            )
        except AlertError:
            assert not alerts or alerts[pick % len(alerts)].state in {"pending", "acknowledged"}

    @rule(pick=st.integers(0, 30), verdict=st.sampled_from(["useful", "early", "false"]))
    def judges(self, pick: int, verdict: str) -> None:
        numbers = sorted({event.alert for event in self.desk.events if isinstance(event, AlertFired)})
        if numbers:
            self.see(self.desk.note(self.desk.book.judge(numbers[pick % len(numbers)], verdict, "ann")))  # type: ignore[arg-type]

    @rule(
        call=CALLS | st.none(), name=st.sampled_from(sorted(RULES)) | st.none(), seconds=st.sampled_from([1, 20, 100])
    )
    def silenced(self, call: str | None, name: str | None, seconds: float) -> None:
        scope = SilenceScope(call=call, rule=name)
        silence, outcome = self.desk.book.silence("ann", "why", self.now, self.now + seconds, scope)
        self.silences.append(silence.id)
        self.see(self.desk.note(outcome))

    @rule()
    def unsilenced(self) -> None:
        for silence in self.desk.book.silences(self.now)[:1]:
            self.see(self.desk.note(self.desk.book.unsilence(silence.id, self.now)))

    @rule(who=PEOPLE, away=st.sampled_from([None, "busy", "unreachable"]))
    def device(self, who: str, away: Away | None) -> None:
        ringing = dict(self.rings)
        (self.away.discard if away is None else self.away.add)(who)
        self.see(self.desk.note(self.desk.book.available(who, away, self.now)))
        assert ringing.items() <= self.rings.items(), "a ring was withdrawn because a phone rings"

    @rule(call=CALLS)
    def worker_dies(self, call: str) -> None:
        self.desk.book.unconfirm(call, self.now)

    @rule()
    def process_restarts(self) -> None:
        before = self.open()
        self.away.clear()
        spent = len(self.desk.events)
        self.see(self.desk.restart(self.now), restarted=True)
        assert self.open().keys() == before.keys(), "a restart lost or made an alert"
        assert not any(isinstance(event, AlertFired) for event in self.desk.events[spent:])

    @rule(call=CALLS)
    def hangs_up(self, call: str) -> None:
        self.see(self.desk.note(self.desk.book.call_ended(call, self.now)))
        assert not [alert for alert in self.desk.book.open() if alert.call == call]

    def open(self) -> dict[tuple[str, str], str]:
        return {(alert.call, alert.rule): alert.state for alert in self.desk.book.open()}

    @invariant()
    def one_alert_a_call_and_rule(self) -> None:
        if hasattr(self, "desk"):
            assert len(self.open()) == len(self.desk.book.open())

    @invariant()
    def every_life_is_legal(self) -> None:
        if not hasattr(self, "desk"):
            return
        lives: dict[str, list[str]] = defaultdict(list)
        for event in self.desk.events:
            lives[event.alert].append(event.TYPE.split(".")[1])
        standing = {alert.id: alert.state for alert in self.desk.book.open()}
        for number, life in lives.items():
            steps = [step for step in life if step != "judged"]
            assert [ORDER[step] for step in steps] == sorted(ORDER[step] for step in steps), life
            assert steps[0] in {"pending", "fired"}
            assert all(steps.count(once) <= 1 for once in ("pending", "fired", "acknowledged", "resolved")), life
            assert (steps[-1] == "resolved") is (number not in standing), "lost, or ended without a word"
            if number in standing:
                assert steps[-1] == standing[number], life

    @invariant()
    def a_fired_alert_that_wants_a_ring_rings_or_waits(self) -> None:
        if not hasattr(self, "desk"):
            return
        self.desk.keep()
        ringing = {number for ring in assemble(self.desk.kept).rings.values() for number in ring.alerts}
        for alert in self.desk.book.open():
            if alert.rule in {"Raised", "Shouting"} and alert.unowned and alert.told:
                assert (alert.id in ringing) is not alert.waiting, alert

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        for call in ("c1", "c2", "c3"):
            self.desk.note(self.desk.book.call_ended(call, self.now))
        fired = {event.alert for event in self.desk.events if isinstance(event, AlertFired)}
        ended = [event.alert for event in self.desk.events if isinstance(event, AlertResolved)]
        assert fired <= set(ended)
        assert len(ended) == len(set(ended))


TestLife = Life.TestCase


def test_after_an_opt_out_nothing_of_the_call_can_be_judged_and_all_of_others_can() -> None:
    desk = AlertManager()
    for call in ("out", "stays"):
        desk.rule("fired", 0, call=call)
        desk.rule("resolved", 1, call=call)
        desk.rule("fired", 2, call=call)
    desk.note(desk.book.call_ended("out", 3, "opt_out"))
    numbers = {event.alert: event.call for event in desk.events if isinstance(event, AlertFired)}
    assert len(numbers) == 4
    for number, call in numbers.items():
        if call == "out":
            with pytest.raises(AlertError, match="no open alert"):
                desk.book.judge(number, "useful", "ann")
        else:
            desk.book.judge(number, "useful", "ann")


def test_an_opt_out_is_forgotten_before_anything_else_is_done() -> None:
    desk = AlertManager()
    for name in ("Loud", "Fast"):
        desk.rule("fired", 0, rule=name, actions=("ring_whisper", "webhook:x"))
    effects = desk.note(desk.book.call_ended("c1", 1, "opt_out")).effects
    assert len(effects) > 2
    assert [isinstance(effect, ForgetCall) for effect in effects] == [True] + [False] * (len(effects) - 1)


TestLife.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_the_table_leads_nowhere_back() -> None:
    assert all(ORDER[before] <= ORDER[after] for (before, _), after in TABLE.items())
    assert not [step for step in TABLE if step[0] == "resolved"]


def test_an_alert_that_rings_does_not_wait() -> None:
    desk = AlertManager()
    desk.rule("fired", 0)
    assert desk.book.waiting() == []
    for name in ("ann", "bob", "chief"):
        desk.note(desk.book.available(name, "busy", 1))
    desk.rule("fired", 2, call="c2")
    assert [alert.call for alert in desk.book.waiting()] == ["c2"]
