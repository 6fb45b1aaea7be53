"""Durations read and written as rule authors do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.rules.language.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("1s", 1), ("2m", 120), ("1m30s", 90), ("1.5s", 1.5), ("1h", 3600), ("0s", 0)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "1 s", "-1s", "1d", "٣s", 5, None, ["1s"], "9" * 50 + "s", "61m"])
def test_anything_else_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


@given(st.integers(1, 36_000))
def test_what_is_written_is_read_back(tenths: int) -> None:
    assert parse_duration(format_duration(tenths / 10)) == pytest.approx(tenths / 10)
