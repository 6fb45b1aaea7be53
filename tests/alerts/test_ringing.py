"""One ring a call: who is rung, who shares it, who is passed over and why."""

from typing import Any

import pytest

from callguard.alerts.alert import Alert
from callguard.alerts.effects import RingSupervisors, StopRinging
from callguard.alerts.policy import Policy
from callguard.alerts.ringing import Ringing
from callguard.alerts.state import StoreState
from callguard.contracts.events import Away
from tests.alerts.floor import policy


class Phones:
    """Ringing over a memory of its own."""

    def __init__(self, settings: Policy | None = None, joinable: bool = True) -> None:
        self.state = StoreState()
        self.away: dict[str, Away] = {}
        self.ringing = Ringing(self.state, settings or policy(escalate_after_s=20), self.away, lambda _: joinable)

    def alert(self, name: str = "1", call: str = "c1", **facts: Any) -> Alert:
        usual = {"rule": "R", "leg": "customer", "severity": "critical", "actions": ("ring_whisper",), "state": "fired"}
        made = Alert(**({"id": name, "call": call} | usual | facts))
        self.state.alerts[name] = made
        return made

    def ring(self, alert: Alert, now: float = 0.0) -> tuple[str, ...] | None:
        effects = self.ringing.begin(alert, now)
        if not effects:
            return None
        (effect,) = effects
        assert isinstance(effect, RingSupervisors)
        return effect.supervisors


@pytest.fixture
def phones() -> Phones:
    return Phones()


def test_all_of_the_lowest_tier_are_rung_at_once(phones: Phones) -> None:
    alert = phones.alert()
    (effect,) = phones.ringing.begin(alert, 5.0)
    assert effect == RingSupervisors("1", "c1", ("ann", "bob"), 1, "whisper", 15.0)
    assert (alert.tier, alert.rung, alert.waiting) == (1, ("ann", "bob"), False)
    assert phones.state.rings["c1"].deadline == 25.0
    assert phones.state.spent == {"ann": [5.0], "bob": [5.0]}


def test_a_second_alert_of_the_call_shares_the_ring(phones: Phones) -> None:
    first, second = phones.alert("1"), phones.alert("2", waiting=True, rung=("chief",))
    phones.ring(first)
    for _ in range(2):
        assert phones.ring(second) is None
    assert phones.state.rings["c1"].alerts == ["1", "2"]
    assert (second.waiting, second.tier, second.rung) == (False, 1, ("chief", "ann", "bob"))


def test_the_next_tier_is_rung_then_nobody_twice(phones: Phones) -> None:
    alert = phones.alert()
    phones.ring(alert)
    phones.ringing.stop("c1")
    assert phones.ring(alert, 20.0) == ("chief",)
    phones.ringing.stop("c1")
    assert phones.ring(alert, 40.0) is None
    assert (alert.waiting, alert.tier) == (True, 2)


def test_who_was_passed_over_is_rung_when_no_higher_tier_is_free(phones: Phones) -> None:
    alert = phones.alert()
    phones.away["bob"] = "busy"
    assert phones.ring(alert) == ("ann",)
    phones.ringing.stop("c1")
    del phones.away["bob"]
    phones.away["chief"] = "unreachable"
    assert phones.ring(alert, 20.0) == ("bob",)


def test_a_call_that_nobody_can_join_rings_nobody() -> None:
    phones = Phones(joinable=False)
    alert = phones.alert()
    assert phones.ring(alert) is None
    assert alert.waiting


def test_a_rule_that_rings_nobody_rings_nobody_and_spends_nothing(phones: Phones) -> None:
    assert phones.ring(phones.alert(actions=("notify",))) is None
    assert (phones.state.rings, phones.state.spent) == ({}, {})


def test_each_reason_for_passing_somebody_over_is_told() -> None:
    phones = Phones(policy(budget_per_hour=1))
    for name in ("ann", "bob", "chief"):
        alert = phones.alert(name, f"c-{name}")
        assert phones.ringing.passed_over(alert, 0.0) == {}
    phones.state.spent["ann"] = [0.0]
    phones.state.joined["elsewhere"] = "bob"
    phones.away["chief"] = "unreachable"
    assert phones.ringing.passed_over(alert, 1.0) == {"ann": "budget", "bob": "in_call", "chief": "unreachable"}
    assert phones.ringing.passed_over(alert, 3601.0)["bob"] == "in_call"
    assert "ann" not in phones.ringing.passed_over(alert, 3601.0)


def test_a_phone_that_we_ring_ourselves_is_passed_over_for_another_call(phones: Phones) -> None:
    phones.ring(phones.alert("1"))
    phones.away |= {"ann": "busy"}
    other = phones.alert("2", "c2")
    assert phones.ring(other) == ("chief",)
    assert phones.ringing.passed_over(other, 0.0) == {"ann": "ringing", "bob": "ringing"}


def test_who_is_rung_was_not_passed_over_nor_those_of_higher_tiers(phones: Phones) -> None:
    alert = phones.alert()
    phones.away |= {"ann": "busy", "chief": "busy"}
    assert phones.ring(alert) == ("bob",)
    assert phones.ringing.passed_over(alert, 0.0) == {"ann": "busy"}


def test_a_ring_ends_with_the_last_alert_that_it_speaks_for(phones: Phones) -> None:
    first, second = phones.alert("1"), phones.alert("2")
    for alert in (first, second):
        phones.ring(alert)
    assert phones.ringing.release(first) == []
    assert phones.ringing.release(first) == []
    assert phones.state.rings["c1"].alerts == ["2"]
    assert phones.ringing.release(second) == [StopRinging("1")]
    assert phones.state.rings == {}
    assert phones.ringing.release(second) == []


def test_stopping_tells_which_alerts_it_spoke_for(phones: Phones) -> None:
    for alert in (phones.alert("1"), phones.alert("2")):
        phones.ring(alert)
    assert phones.ringing.stop("c1") == (["1", "2"], [StopRinging("1")])
    assert phones.ringing.stop("c1") == ([], [])


def test_an_alert_that_is_postponed_waits_for_another_ring_of_the_same_tier(phones: Phones) -> None:
    alert = phones.alert()
    phones.ring(alert)
    assert phones.ringing.postpone(alert) == [StopRinging("1")]
    assert (alert.waiting, alert.tier, alert.rung) == (True, 0, ())
    assert phones.ring(alert, 50.0) == ("ann", "bob")
    assert phones.ringing.postpone(phones.alert("9", "c9")) == []
