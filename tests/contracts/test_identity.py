"""What happens once has one identifier, everything else has its own."""

import pytest

from callguard.contracts import identity as module
from callguard.contracts.events import EVENTS, PREFIX
from callguard.contracts.identity import identity


def test_what_happens_once_to_an_alert_has_one_identifier() -> None:
    assert identity("alert.fired.v1", "a1") == identity("alert.fired.v1", "a1")
    found = {identity(f"alert.{verb}.v1", alert) for verb in ("pending", "fired", "resolved") for alert in ("a1", "a2")}
    assert len(found) == 6


@pytest.mark.parametrize(
    ("kind", "alert"), [("alert.escalated.v1", "a1"), ("supervision.started.v1", "a1"), ("x", None)]
)
def test_what_may_happen_again_has_another_each_time(kind: str, alert: str | None) -> None:
    assert identity(kind, alert) != identity(kind, alert)


def test_the_types_are_those_of_events() -> None:
    assert {PREFIX + kind for kind in module._ONCE} <= set(EVENTS)
