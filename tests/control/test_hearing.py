"""A call is heard while signals of its customer come; where they don't, the cause is told."""

from pathlib import Path
from typing import get_args

import pytest

from callguard.bus.nodes import NEEDED
from callguard.contracts.events import CallUpdated, Event, TapLost, TapOpened, TapRestored
from callguard.contracts.vocabulary import UnheardCause
from callguard.control.hearing import BAD_LINE_S, PATIENCE_S, WHY, Ears, Hearing
from tests.support.events import call_ended, call_started, snapshot, unjudged_snapshot

TAP = {"tap": "t", "channel": "PJSIP/c-1", "path": "audiosocket"}


def opened(call: str = "c1", leg: str = "customer") -> TapOpened:
    return TapOpened(call=call, leg=leg, **TAP)


def lost(reason: str, call: str = "c1", leg: str = "customer") -> TapLost:
    return TapLost(call=call, leg=leg, reason=reason, **TAP)


def updated(**facts: object) -> CallUpdated:
    return CallUpdated(call="c1", **({"mode": "raised_voice", "change": "hold"} | facts))


class Floor:
    """Ears with a clock; `heard` shows signals for some seconds."""

    def __init__(self, *events: Event) -> None:
        self.ears, self.now = Ears(), 100.0
        self.see(*events)

    def see(self, *events: Event) -> "Floor":
        for event in events:
            self.ears.see(event, self.now)
        return self

    def pass_by(self, seconds: float, *calls: str, unjudged: str | None = None) -> Hearing:
        for _ in range(round(seconds)):
            self.now += 1.0
            for call in calls:
                self.ears.show(unjudged_snapshot(call, unjudged) if unjudged else snapshot(call, 0.2), self.now)
        return self.ears.hearing(self.now)


def test_a_call_whose_signals_come_is_heard() -> None:
    found = Floor(call_started("c1"), opened()).pass_by(60, "c1")
    assert (found.heard, found.calls, found.causes, found.unheard) == (1, 1, {}, {})


def test_a_call_that_has_just_begun_is_neither_heard_nor_unheard() -> None:
    found = Floor(call_started("c1")).pass_by(PATIENCE_S)
    assert (found.heard, found.calls, found.causes) == (0, 0, {})


def test_a_call_without_a_tap_is_not_heard_after_a_few_seconds() -> None:
    found = Floor(call_started("c1")).pass_by(PATIENCE_S + 1)
    assert (found.heard, found.calls, found.causes, found.deaf) == (0, 1, {"no_tap": 1}, 1)
    assert found.unheard["c1"].why == WHY[""]


@pytest.mark.parametrize("reason", ["eof", "timeout", "protocol", "asterisk", "refused", "dialplan"])
def test_a_tap_that_is_lost_and_not_restored_is_no_tap(reason: str) -> None:
    floor = Floor(call_started("c1"), opened())
    floor.pass_by(10, "c1")
    floor.see(lost(reason))
    assert floor.pass_by(PATIENCE_S).causes == {}, "it may be back at once"
    found = floor.pass_by(1)
    assert (found.causes, found.unheard["c1"].why) == ({"no_tap": 1}, WHY[reason])


def test_a_tap_that_is_restored_is_heard_again() -> None:
    floor = Floor(call_started("c1"), lost("eof"))
    assert floor.pass_by(20).causes == {"no_tap": 1}
    floor.see(TapRestored(call="c1", leg="customer", **TAP))
    assert floor.pass_by(1, "c1").heard == 1


def test_a_tap_by_which_no_audio_comes_is_no_audio_even_while_it_is_made_anew_again_and_again() -> None:
    floor = Floor(call_started("c1"), opened())
    floor.pass_by(5, "c1")
    floor.pass_by(PATIENCE_S + 1, "c1", unjudged="stalled")
    for _ in range(5):
        assert floor.see(lost("stalled")).pass_by(1).causes == {"no_audio": 1}
        floor.see(TapRestored(call="c1", leg="customer", **TAP))
        assert floor.pass_by(4, "c1", unjudged="stalled").causes == {"no_audio": 1}


def test_rtp_that_never_comes_is_no_audio_for_there_is_no_connection_that_could_fail() -> None:
    rtp = TAP | {"path": "external_media"}
    for reason, cause in (("timeout", "no_audio"), ("asterisk", "no_tap")):
        floor = Floor(call_started("c1"), TapLost(call="c1", leg="customer", reason=reason, **rtp))
        assert floor.pass_by(PATIENCE_S + 1).causes == {cause: 1}


def test_a_worker_that_says_nothing_hears_nothing() -> None:
    floor = Floor(call_started("c1"), opened())
    floor.pass_by(5, "c1")
    assert floor.pass_by(PATIENCE_S + 1).causes == {"no_audio": 1}


def test_a_phone_on_hold_may_send_nothing() -> None:
    floor = Floor(call_started("c1"), opened())
    floor.pass_by(5, "c1")
    floor.see(updated(on_hold=True))
    assert floor.pass_by(60).causes == {}
    floor.see(lost("stalled"))
    assert floor.pass_by(60).causes == {}
    floor.see(lost("eof"))
    assert floor.pass_by(60).causes == {"no_tap": 1}, "a tap can be lost on hold too"


def test_after_hold_the_call_must_be_heard_again() -> None:
    floor = Floor(call_started("c1"), opened())
    floor.pass_by(5, "c1")
    floor.see(updated(on_hold=True))
    floor.pass_by(60)
    floor.see(updated(on_hold=False, change="unhold"))
    assert floor.pass_by(PATIENCE_S).causes == {}
    assert floor.pass_by(1).causes == {"no_audio": 1}


def test_a_full_worker_is_no_room() -> None:
    found = Floor(call_started("c1"), lost("full")).pass_by(PATIENCE_S + 1)
    assert (found.causes, found.deaf) == ({"no_room": 1}, 1)


@pytest.mark.parametrize("trouble", ["clipping", "lost"])
def test_a_line_too_bad_to_judge_is_unjudged_and_we_are_not_deaf(trouble: str) -> None:
    floor = Floor(call_started("c1"), opened())
    floor.pass_by(5, "c1")
    assert floor.pass_by(BAD_LINE_S, "c1", unjudged=trouble).causes == {}
    found = floor.pass_by(1, "c1", unjudged=trouble)
    assert (found.heard, found.calls, found.causes, found.deaf) == (0, 1, {"unjudged": 1}, 0)
    assert floor.pass_by(1, "c1").heard == 1


@pytest.mark.parametrize("reason", ["hold", "silence", "music", "warming", "apart", "dtmf", "laughter", "noise"])
def test_what_is_no_fault_is_heard(reason: str) -> None:
    assert Floor(call_started("c1"), opened()).pass_by(60, "c1", unjudged=reason).heard == 1


def test_who_opted_out_is_counted_apart_and_is_no_fault() -> None:
    floor = Floor(call_started("c1", mode="off"), call_started("c2"), opened("c2"))
    floor.pass_by(10, "c2")
    found = floor.ears.hearing(floor.now, opted_out=2)
    assert (found.heard, found.calls, found.causes, found.deaf, found.unheard) == (1, 1, {"opted_out": 3}, 0, {})


def test_a_call_that_is_judged_from_now_on_gets_its_few_seconds() -> None:
    floor = Floor(call_started("c1", mode="off"))
    floor.pass_by(60)
    floor.see(updated(change="mode"))
    assert floor.pass_by(PATIENCE_S).causes == {}
    assert floor.pass_by(1).causes == {"no_tap": 1}


def test_the_agents_leg_is_not_the_customers() -> None:
    floor = Floor(call_started("c1"), opened(), lost("eof", leg="agent"))
    assert floor.pass_by(20, "c1").heard == 1
    floor = Floor(call_started("c1"), opened(leg="agent"))
    assert floor.pass_by(20).causes == {"no_tap": 1}


def test_a_call_that_is_over_is_forgotten() -> None:
    floor = Floor(call_started("c1"))
    floor.pass_by(20)
    floor.see(call_ended("c1"))
    assert floor.pass_by(1) == Hearing()


def test_what_did_not_come_while_we_slept_is_forgiven() -> None:
    floor = Floor(call_started("c1"), opened())
    floor.pass_by(5, "c1")
    floor.now += 30
    floor.ears.excuse(floor.now)
    assert floor.pass_by(1).heard == 1


PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")


@pytest.mark.parametrize("word", sorted({*get_args(UnheardCause), *NEEDED, *filter(None, WHY)}))
def test_every_cause_part_and_reason_is_explained_with_what_to_do(word: str) -> None:
    assert [line for line in PAGE.splitlines() if line.startswith("| ") and f"`{word}`" in line.split("|")[1]]


def test_an_unknown_call_is_counted_apart_until_somebody_tells_who_is_who() -> None:
    floor = Floor(call_started("c1", mode="off", unknown="nobody says"))
    found = floor.pass_by(60)
    assert (found.heard, found.calls, found.causes, found.unheard, found.deaf) == (0, 0, {"unknown": 1}, {}, 0)
    floor.see(updated(change="role"))
    assert floor.pass_by(PATIENCE_S + 1).causes == {"no_tap": 1}
    assert floor.pass_by(5, "c1").heard == 1
