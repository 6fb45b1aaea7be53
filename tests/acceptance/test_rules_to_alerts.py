"""The shipped rules and the alert book together, in virtual time: a voice goes in, rings and whispers come out."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from callguard.alerts import AlertStore, Outcome, SilenceScope, Where
from callguard.alerts.effects import Effect, PromptAgent, RingSupervisors, StopRinging
from callguard.contracts.events import AlertAcknowledged, AlertEscalated, AlertEvent, AlertFired, AlertResolved
from callguard.contracts.messages import CallFacts
from callguard.rules import RuleEngine, RuleSet, load_rules
from callguard.rules.authoring.series import parse_series
from callguard.rules.language.symbols import resolve
from callguard.signals.table import CALL_INDEX, LEG_INDEX, SignalTable
from tests.alerts.floor import policy

PACK = Path(__file__).parent.parent.parent / "config" / "rules"
HOP_S = 0.1
OTHER = "groups: [{name: g, rules: [{alert: CustomerRaisedVoice, expr: customer.raised_voice > 0.6}]}]"


class At(NamedTuple):
    """Something that happened, and when."""

    second: float
    what: AlertEvent | Effect


class Call:
    """One call: signals by the tenth of a second, a book beside it, and what came of it."""

    def __init__(self, rules: RuleSet, **facts: str) -> None:
        self.table = SignalTable(2, 1)
        self.table.open_call(0)
        self.table.customer[0], self.table.agent[0] = 0, 1
        self.engine = RuleEngine(rules, self.table)
        self.engine.open_call(0, CallFacts("c1", **facts))  # type: ignore[arg-type]
        numbers = count(1)
        self.new_id: Callable[[], str] = lambda: str(next(numbers))
        self.book = AlertStore(policy(), self.new_id)
        self.happened: list[At] = []
        self.steps = 0

    @property
    def now(self) -> float:
        return round(self.steps * HOP_S, 3)

    def hear(self, **series: str) -> None:
        """Let series of signals pass; `customer__raised_voice` is customer.raised_voice."""
        columns = {resolve(name.replace("__", ".")): parse_series(text, HOP_S) for name, text in series.items()}
        for step in range(max(map(len, columns.values()))):
            self.steps += 1
            self.table.call[CALL_INDEX["elapsed_s"], 0] = self.now
            for ref, values in columns.items():
                if ref.scope == "call":
                    self.table.call[CALL_INDEX[ref.name], 0] = values[step]
                else:
                    self.table.leg[LEG_INDEX[ref.name], int(ref.scope == "agent")] = values[step]
            for transition in self.engine.step(self.now):
                self.note(self.book.apply(transition, Where("support", "kim"), self.now))
            self.note(self.book.tick(self.now))

    def note(self, outcome: Outcome) -> None:
        self.happened += [At(self.now, what) for what in (*outcome.events, *outcome.effects)]

    def seen(self, kind: type[AlertEvent | Effect]) -> list[At]:
        return [at for at in self.happened if isinstance(at.what, kind)]

    def fired(self) -> list[tuple[str, float]]:
        return [(at.what.rule, at.second) for at in self.seen(AlertFired) if isinstance(at.what, AlertFired)]

    def rings(self) -> list[tuple[float, str, tuple[str, ...]]]:
        found = self.seen(RingSupervisors)
        return [(at.second, at.what.mode, at.what.supervisors) for at in found if isinstance(at.what, RingSupervisors)]


@pytest.fixture
def call() -> Call:
    return Call(load_rules([(path.name, path.read_text("utf-8")) for path in sorted(PACK.glob("*.yaml"))]))


def test_a_calm_call_is_left_alone(call: Call) -> None:
    call.hear(customer__raised_voice="0.1+0.0005x60s", agent__turn_s="0+0.1x60s", agent__level_rise_db="1x60s")
    assert call.happened == []


def test_one_shout_rings_nobody(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.95x2s 0.2x20s")
    assert call.fired() == [("CustomerRaisedVoice", 101.1)]
    assert call.rings() == []


def test_help_grows_with_the_trouble(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.9x40s")
    assert [rule for rule, _ in call.fired()] == ["CustomerRaisedVoice", "SustainedShouting", "ShoutingGoesOn"]
    (at, mode, who), (later, _, chief) = call.rings()
    assert (mode, who, chief) == ("whisper", ("ann", "bob"), ("chief",))
    assert 107 < at < 110
    assert later == pytest.approx(at + 20)
    escalated = [at.what.rule for at in call.seen(AlertEscalated) if isinstance(at.what, AlertEscalated)]
    assert escalated == ["SustainedShouting", "ShoutingGoesOn"]


def test_a_supervisor_answers_and_the_customer_calms_down(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.9x12s")
    ring = call.seen(RingSupervisors)[0].what
    assert isinstance(ring, RingSupervisors)
    call.note(call.book.joined("c1", "bob", call.now, ring.alert))
    call.hear(customer__raised_voice="0.2x30s")
    assert [at.what.by for at in call.seen(AlertAcknowledged) if isinstance(at.what, AlertAcknowledged)] == ["bob"]
    assert len(call.rings()) == 1
    ended = {at.what.rule: at.what.reason for at in call.seen(AlertResolved) if isinstance(at.what, AlertResolved)}
    assert ended == {"CustomerRaisedVoice": "calm", "SustainedShouting": "calm"}
    assert call.book.open() == []


def test_the_phone_stops_when_nobody_answered_and_calm_returns(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.9x10s 0.2x30s")
    assert len(call.rings()) == 1
    assert len(call.seen(StopRinging)) == 1


def test_hold_music_and_silence_end_an_alert_and_start_none(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.9x3s _x60s")
    assert call.fired() == [("CustomerRaisedVoice", 101.1)]
    assert call.book.open() == []


def test_an_agent_who_gets_loud_hears_a_tip_and_nobody_else_does(call: Call) -> None:
    call.hear(agent__level_rise_db="0x5s 9x10s", agent__speech="0.8x15s", customer__raised_voice="0.2x15s")
    assert [at.what for at in call.happened] == [PromptAgent("", "c1", "lower-your-voice")]


def test_the_help_code_rings_within_a_tenth_of_a_second(call: Call) -> None:
    call.hear(call__agent_request="0x10s 1x1s")
    assert call.rings() == [(10.1, "whisper", ("ann", "bob"))]


@pytest.mark.parametrize(("code", "mode"), [(1, "whisper"), (2, "listen")])
def test_the_agents_codes_ring_through_a_silence_of_everything(call: Call, code: int, mode: str) -> None:
    call.note(call.book.silence("ann", "fire drill", call.now, call.now + 3600, SilenceScope())[1])
    call.hear(call__agent_request=f"0x10s {code}x1s")
    assert call.rings() == [(10.1, mode, ("ann", "bob"))]


def test_still_rising_after_the_agent_answered_rings(call: Call) -> None:
    call.hear(
        customer__raised_voice="0.3x90s 0.5x5s _x5s 0.65x5s 0.75x5s",
        agent__turn_s="0x95s 0.1+0.1x5s 0x10s",
    )
    assert [rule for rule, _ in call.fired()] == ["CustomerRaisedVoice", "StillRising"]
    assert [mode for _, mode, _ in call.rings()] == ["whisper"]


def test_rules_change_while_an_alert_is_in_flight(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.9x9s")
    for transition in call.engine.reload(load_rules([("other.yaml", OTHER)])):
        call.note(call.book.apply(transition, Where(), call.now))
    ended = {at.what.rule: at.what.reason for at in call.seen(AlertResolved) if isinstance(at.what, AlertResolved)}
    assert ended["SustainedShouting"] == "rule_removed"
    assert len(call.seen(StopRinging)) == 1
    assert [alert.rule for alert in call.book.open()] == ["CustomerRaisedVoice"]
    call.hear(customer__raised_voice="0.9x5s")
    assert [rule for rule, _ in call.fired()].count("CustomerRaisedVoice") == 1


def test_control_restarts_while_a_customer_shouts(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.9x10s")
    fired = call.fired()
    book = AlertStore(policy(), call.new_id)
    kept = {part: text for part, text in call.book.changes().items() if text is not None}
    call.note(book.restore(kept, call.now))
    call.book = book
    call.hear(customer__raised_voice="0.9x5s 0.2x30s")
    assert call.fired() == fired
    assert len(call.rings()) == 2
    assert call.book.open() == []


def test_an_opt_out_ends_everything(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.9x10s")
    call.engine.update_call(0, CallFacts("c1", mode="off"))
    call.hear(customer__raised_voice="0.9x1s")
    reasons = {at.what.reason for at in call.seen(AlertResolved) if isinstance(at.what, AlertResolved)}
    assert reasons == {"opt_out"}
    call.hear(customer__raised_voice="0.9x60s")
    assert call.book.open() == []


def test_evidence_of_the_ring_shows_the_rise(call: Call) -> None:
    call.hear(customer__raised_voice="0.2x100s 0.9x12s", customer__quality="0.8x112s")
    fired = [at.what for at in call.seen(AlertFired) if isinstance(at.what, AlertFired)]
    card = next(event.evidence for event in fired if event.rule == "SustainedShouting")
    curve = card["curve"]["signals"]["customer.raised_voice"]
    assert curve[0] == 0.2
    assert curve[-1] == 0.9
    assert card["comparisons"][0]["text"] == "share_above(customer.raised_voice, shouting, 10s) > mostly"
    assert (card["confidence"], card["basis"]) == (0.8, "raised_voice")
