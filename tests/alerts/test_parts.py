"""Of the store's state only what changed is written, and what was written is the whole state again."""

import time
from typing import Any

from callguard.alerts import AlertStore, SilenceScope
from callguard.alerts.parts import Parts, assemble
from callguard.alerts.policy import Policy
from callguard.alerts.state import StoreState
from callguard.alerts.store import Where
from callguard.config import SupervisorConfig
from callguard.contracts.messages import Transition

POLICY = Policy(supervisors=(SupervisorConfig(name="lead", endpoint="PJSIP/s1"),))
NOW = 1000.0


def transition(kind: Any, call: str = "c1", rule: str = "Loud") -> Transition:
    return Transition(kind, call, rule, "customer", NOW, actions=("ring_whisper",), evidence={"expr": "x" * 5000})


class Written:
    """A store and what was written of it."""

    def __init__(self) -> None:
        names = iter(f"a{number}" for number in range(100_000))
        self.store = AlertStore(POLICY, lambda: next(names))
        self.parts = Parts()
        self.texts: dict[str, str] = {}

    def write(self) -> set[str]:
        changed = self.parts.changes(self.store._state)
        for key, text in changed.items():
            if text is None:
                del self.texts[key]
            else:
                self.texts[key] = text
        return set(changed)


def test_only_what_changed_is_written() -> None:
    written = Written()
    written.store.apply(transition("pending"), Where(), NOW)
    assert written.write() == {"alert|a0"}
    assert written.write() == set()
    written.store.apply(transition("fired"), Where(), NOW)
    assert written.write() == {"alert|a0", "ring|c1", "spent|lead"}
    written.store.silence("lead", "drill", NOW, NOW + 60, SilenceScope(rule="Other"))
    assert written.write() == {"silence|a1"}
    written.store.acknowledge("a0", "lead", NOW)
    assert written.write() == {"alert|a0", "ring|c1"}
    written.store.apply(transition("resolved"), Where(), NOW)
    assert written.write() == {"alert|a0", "past|a0"}
    written.store.judge("a0", "useful", "lead")
    assert written.write() == {"past|a0", "verdicts|Loud"}
    assert "alert|a0" not in written.texts


def test_what_was_written_makes_the_whole_state_again() -> None:
    written = Written()
    for call in ("c1", "c2", "c3"):
        written.store.apply(transition("fired", call), Where("sales", "ann"), NOW)
        written.write()
    written.store.silence("lead", "drill", NOW, NOW + 60, SilenceScope(rule="Other"))
    written.store.apply(transition("resolved", "c3"), Where(), NOW + 5)
    written.store.judge("a2", "early", "lead")
    written.write()
    assert assemble(written.texts) == written.store._state


def test_parts_of_another_version_are_left_out_and_a_ring_of_none_of_them_ends() -> None:
    written = Written()
    written.store.apply(transition("fired"), Where(), NOW)
    written.store.silence("lead", "drill", NOW, NOW + 60, SilenceScope(rule="Other"))
    written.write()
    written.texts["alert|a0"] = '{"version": 99}'
    state = assemble(written.texts | {"unheard|of": "{}"})
    assert (state.alerts, state.rings) == ({}, {})
    assert [silence.why for silence in state.silences] == ["drill"]


def test_parts_that_an_earlier_run_left_and_that_are_gone_are_deleted() -> None:
    assert Parts(["alert|old"]).changes(StoreState()) == {"alert|old": None}


def test_looking_for_changes_among_many_alerts_is_quick() -> None:
    """It is done on each transition: 500 open alerts and 500 past ones within 5 ms, on a loaded machine too."""
    written = Written()
    for number in range(1000):
        written.store.apply(transition("fired", f"c{number}"), Where(), NOW)
        if number % 2:
            written.store.call_ended(f"c{number}", NOW)
    written.write()
    taken = []
    for _ in range(20):
        begun = time.perf_counter()
        assert written.parts.changes(written.store._state) == {}
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.005


def test_past_alerts_stand_in_the_order_in_which_they_fired_so_that_the_oldest_goes_first() -> None:
    written = Written()
    for number, call in enumerate(("c3", "c1", "c2")):
        written.store.apply(transition("fired", call), Where(), NOW + number)
        written.store.apply(transition("resolved", call), Where(), NOW + number)
    written.write()
    shuffled = dict(sorted(written.texts.items(), key=lambda item: item[0], reverse=True))
    assert [alert.call for alert in assemble(shuffled).past.values()] == ["c3", "c1", "c2"]


def test_a_ring_that_speaks_for_no_alert_that_can_be_read_is_left_out() -> None:
    written = Written()
    written.store.apply(transition("fired"), Where(), NOW)
    written.store.apply(transition("fired", rule="Other"), Where(), NOW)
    written.write()
    assert len(assemble(written.texts).rings["c1"].alerts) == 2
    del written.texts["alert|a0"]
    assert assemble(written.texts).rings["c1"].alerts == ["a1"]
    del written.texts["alert|a1"]
    assert assemble(written.texts).rings == {}
