"""A phone is rung: it answers, is busy, out of reach, or nobody comes; exactly one of them."""

from typing import Any

import pytest

from callguard.testbed.simulator.exchange import ABSENT, BUSY, NO_ANSWER, NORMAL
from callguard.testbed.simulator.objects import Key
from callguard.testbed.simulator.ringing import Ringing
from tests.testbed.simulator.harness import Bench, phone


class Rung:
    """One attempt and what came of it."""

    def __init__(self, *, by_somebody: bool = False, timeout_s: float = 1.0, **how: Any) -> None:
        self.bench = Bench()
        self.outcomes: list[int | str] = []
        exchange = self.bench.exchange
        self.caller = exchange.create("PJSIP/caller-", state="Up") if by_somebody else None
        self.channel = exchange.create("PJSIP/ann-", channel="ann")
        Ringing(
            exchange, self.channel, phone("ann", "201", 1500.0, **how), caller=self.caller, timeout_s=timeout_s,
            answered=lambda: self.outcomes.append("answered"), failed=self.outcomes.append,
        )  # fmt: skip
        self.bench.run(2.0)

    @property
    def dialled(self) -> list[str]:
        return [event["dialstatus"] for event in self.bench.events if event["type"] == "Dial"]

    @property
    def alive(self) -> bool:
        return "ann" in self.bench.exchange.channels


def test_who_answers_is_up_and_stays() -> None:
    rung = Rung(answers_after=0.5)
    assert rung.outcomes == ["answered"]
    assert rung.dialled == ["", "RINGING", "ANSWER"]
    assert (rung.channel.state, rung.alive) == ("Up", True)


@pytest.mark.parametrize(
    ("how", "cause", "status"),
    [
        ({"busy": True}, BUSY, "BUSY"),
        ({"registered": False}, ABSENT, "CHANUNAVAIL"),
        ({"answers_after": None}, NO_ANSWER, "RINGING"),
        ({"answers_after": 1.5}, NO_ANSWER, "RINGING"),
    ],
)
def test_who_does_not_answer_is_gone_with_the_cause(how: dict[str, Any], cause: int, status: str) -> None:
    rung = Rung(**how)
    assert rung.outcomes == [cause]
    assert rung.dialled[-1] == status
    assert not rung.alive
    assert [event["cause"] for event in rung.bench.events if event["type"] == "ChannelDestroyed"] == [cause]


def test_a_caller_is_told_that_nobody_answered_and_ends_it_in_good_order() -> None:
    rung = Rung(by_somebody=True, answers_after=None)
    assert rung.outcomes == [NORMAL]
    assert rung.dialled == ["", "RINGING", "NOANSWER"]


def test_a_hangup_from_outside_calls_nobody() -> None:
    rung = Rung(answers_after=None, timeout_s=9.0)
    rung.bench.exchange.hang_up(rung.channel)
    rung.bench.run(9.0)
    assert rung.outcomes == []


def test_who_answered_does_by_hand_what_they_had_in_mind() -> None:
    rung = Rung(answers_after=0.1, by_hand=(Key(0.2, "5"), Key(0.4, hang_up=True)))
    assert [event["digit"] for event in rung.bench.events if event["type"] == "ChannelDtmfReceived"] == ["5"]
    assert not rung.alive


def test_a_key_after_the_hangup_does_nothing() -> None:
    rung = Rung(answers_after=0.1, by_hand=(Key(0.1, hang_up=True), Key(0.3, hang_up=True)))
    assert [event["type"] for event in rung.bench.events].count("ChannelHangupRequest") == 1
