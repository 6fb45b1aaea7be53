"""A rate per hour says when it rests on minutes."""

import pytest

from callguard.rules.authoring.rates import caution, extrapolated, length


@pytest.mark.parametrize(
    ("hours", "words"), [(2 / 60, "2.0 min"), (0.5, "30.0 min"), (1.0, "1.00 h"), (12.5, "12.50 h")]
)
def test_short_lengths_are_told_in_minutes(hours: float, words: str) -> None:
    assert length(hours) == words


def test_a_rate_from_minutes_says_so_and_what_one_alert_weighs() -> None:
    said = "Rates per hour are extrapolated from 2.0 min of calls: one alert more or less changes them by 30 per hour."
    assert caution(2 / 60) == said


@pytest.mark.parametrize("hours", [0.0, 1.0, 40.0])
def test_a_rate_from_an_hour_or_more_needs_no_caution(hours: float) -> None:
    assert caution(hours) == ""
    assert not extrapolated(hours)
