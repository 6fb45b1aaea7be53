"""Hours and days: when a rule applies, when a supervisor is on shift."""

from datetime import datetime

import pytest

from callguard.contracts.messages import CallFacts
from callguard.rules.engine.scope import Scope, within

MONDAY = datetime(2026, 11, 23)


@pytest.mark.parametrize(
    ("hours", "days", "day", "clock", "inside"),
    [
        ("08:00-18:00", (), 0, "08:00", True),
        ("08:00-18:00", (), 0, "18:00", False),
        (None, ("mon",), 0, "23:59", True),
        (None, ("tue",), 0, "00:00", False),
        ("22:00-06:00", ("mon",), 0, "23:00", True),
        ("22:00-06:00", ("mon",), 1, "05:59", True),
        ("22:00-06:00", ("mon",), 0, "05:59", False),
        ("22:00-06:00", ("mon",), 1, "23:00", False),
        ("18:00-24:00", ("mon",), 0, "23:59", True),
    ],
)
def test_a_night_shift_belongs_to_the_day_on_which_it_began(
    hours: str | None, days: tuple[str, ...], day: int, clock: str, inside: bool
) -> None:
    hour, minute = map(int, clock.split(":"))
    assert within(hours, days, MONDAY.replace(day=23 + day, hour=hour, minute=minute)) is inside


def test_hours_are_those_at_which_the_call_began_and_a_recording_has_none() -> None:
    morning = Scope(hours="08:00-12:00")
    assert morning.applies(CallFacts("c", started_at=MONDAY.replace(hour=9).timestamp()))
    assert not morning.applies(CallFacts("c", started_at=MONDAY.replace(hour=13).timestamp()))
    assert morning.applies(CallFacts("c"))
