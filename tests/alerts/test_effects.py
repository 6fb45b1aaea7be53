"""What is asked of the outside world is complete, does not change, and can be compared."""

from dataclasses import FrozenInstanceError, fields
from typing import Any, get_args

import pytest

from callguard.alerts import effects
from callguard.alerts.effects import Effect, RingSupervisors, StopRinging

KINDS = get_args(Effect)


def test_every_kind_is_an_effect() -> None:
    defined = {
        kind for kind in vars(effects).values() if isinstance(kind, type) and kind.__module__ == effects.__name__
    }
    assert set(KINDS) == defined


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_effect_does_not_change_after_it_was_decided(kind: Any) -> None:
    made = kind(*(None for _ in fields(kind)))
    for field in fields(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(made, field.name, 1)


def test_a_ring_is_stopped_by_the_alert_that_began_it() -> None:
    ring = RingSupervisors("7", "c1", ("ann",), 1, "whisper", 20.0)
    assert StopRinging(ring.alert) == StopRinging("7") != StopRinging("8")
