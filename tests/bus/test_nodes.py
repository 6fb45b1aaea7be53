"""What nodes hear, in numbers and in words."""

import pytest

from callguard.bus.nodes import NEEDED, Heard, NodeView, together


def test_what_is_heard_is_said_with_the_causes() -> None:
    assert str(Heard(38, 40, {"no_tap": 1, "no_audio": 1})) == "hearing 38 of 40 (1 no tap, 1 no audio)"
    assert str(Heard(3, 3, {"opted_out": 2})) == "hearing 3 of 3 (2 opted out)"
    assert str(Heard()) == "hearing 0 of 0"


def test_several_nodes_hear_together() -> None:
    both = together([Heard(1, 3, {"no_tap": 2}), Heard(4, 5, {"no_tap": 1, "opted_out": 1})])
    assert both == Heard(5, 8, {"no_tap": 3, "opted_out": 1})
    assert together([]) == Heard()


def test_a_node_hears_when_it_lives_and_hears_every_call_that_it_is_to_hear() -> None:
    assert NodeView("n", True, Heard(3, 3, {"opted_out": 2})).hears
    assert not NodeView("n", False, Heard(3, 3)).hears
    assert not NodeView("n", True, Heard(2, 3, {"no_tap": 1})).hears


@pytest.mark.parametrize("part", sorted(NEEDED))
def test_a_node_without_a_part_that_hearing_needs_does_not_hear(part: str) -> None:
    assert not NodeView("n", True, degraded={part: "away"}).hears
    assert NodeView("n", True, degraded={"ami": "away"}).hears
