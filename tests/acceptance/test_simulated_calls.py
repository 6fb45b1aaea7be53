"""Shipped scenarios on the simulated PBX in virtual time.

What each leg says goes through the detector, the shipped rules and the alert book; what comes out are the alerts and
rings that each scenario promises.
"""

from itertools import count, zip_longest
from typing import NamedTuple

import numpy as np
import pytest

from callguard.alerts import AlertStore, Where
from callguard.alerts.effects import Effect, RingSupervisors
from callguard.analysis.replay import Replay, load_models, replay
from callguard.audio.frames import FRAME_S
from callguard.config.shipped import rules_folder
from callguard.contracts.events import AlertEscalated, AlertEvent, AlertFired, AlertResolved
from callguard.contracts.messages import Transition
from callguard.rules import load_rules
from callguard.testbed.simulator.director import Director
from callguard.testbed.simulator.scenario import find, load
from callguard.testbed.simulator.server import Simulator
from tests.alerts.floor import policy

LONGEST_S = 60.0
SHOUTING_FROM_S = 16.0
"""In the scenario `angry`, since customer and agent were joined."""
RULES = load_rules([(path.name, path.read_text("utf-8")) for path in sorted(rules_folder().glob("*.yaml"))])


class At(NamedTuple):
    second: float
    what: AlertEvent | Effect


def heard(name: str) -> Replay:
    """Play a scenario to its end and judge both legs; each party's ears hold what the other says."""
    simulator = Simulator(speed=None)
    director = Director(simulator, load(find(name)), find(name).parent)
    for _ in range(round(LONGEST_S / FRAME_S)):
        if director.over:
            break
        simulator.step()
    customer, agent = (simulator.phones[f"PJSIP/{party}1"].ears() for party in ("agent", "customer"))
    legs = np.array(list(zip_longest(customer.tolist(), agent.tolist(), fillvalue=0)), dtype=np.int16).T
    return replay(legs, load_models(), RULES)


def alerted(call: Replay) -> list[At]:
    """Let the alert book live through the call, a second at a time."""
    numbers = count(1)
    book = AlertStore(policy(), lambda: str(next(numbers)))
    steps: list[tuple[float, Transition | None]] = [(float(second), None) for second in range(int(call.duration_s) + 1)]
    for alert in call.alerts:
        for at, kind in ((alert.fired_at_s, "fired"), (alert.resolved_at_s, "resolved")):
            if at is not None:
                steps.append((at, _transition(alert.rule, alert.leg, alert.severity, kind, at)))
    happened = []
    for now, transition in sorted(steps, key=lambda step: step[0]):
        out = book.apply(transition, Where("support", "kim"), now) if transition else book.tick(now)
        happened += [At(now, what) for what in (*out.events, *out.effects)]
    ended = book.call_ended("c1", call.duration_s)
    return happened + [At(call.duration_s, what) for what in ended.events]


def _transition(rule: str, leg: str, severity: str, kind: str, at: float) -> Transition:
    actions = next(each for each in RULES if each.name == rule).actions
    return Transition(kind, "c1", rule, leg, at, severity, actions=actions)  # type: ignore[arg-type]


def seen(happened: list[At], kind: type[AlertEvent | Effect]) -> list[At]:
    return [each for each in happened if isinstance(each.what, kind)]


def test_a_customer_who_shouts_is_alerted_and_rung_for_and_all_is_resolved() -> None:
    happened = alerted(heard("angry"))
    fired, rings = seen(happened, AlertFired), seen(happened, RingSupervisors)
    assert fired
    assert rings
    assert SHOUTING_FROM_S < fired[0].second < SHOUTING_FROM_S + 6
    assert rings[0].second >= fired[0].second
    assert len(seen(happened, AlertResolved)) == len(fired)


def test_nobody_answers_so_the_next_tier_is_rung() -> None:
    happened = alerted(heard("angry"))
    escalated = seen(happened, AlertEscalated)
    rings = seen(happened, RingSupervisors)
    assert escalated
    assert escalated[0].second - rings[0].second >= policy().alerts.escalate_after_s - 1


@pytest.mark.parametrize("name", ["calm", "agent-loud", "hold-music"])
def test_calm_customers_loud_agents_and_music_ring_nobody(name: str) -> None:
    happened = alerted(heard(name))
    assert [at for at in seen(happened, AlertFired) if at.what.leg == "customer"] == []  # type: ignore[union-attr]
    assert seen(happened, RingSupervisors) == []
