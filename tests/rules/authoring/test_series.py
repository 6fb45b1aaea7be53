"""Series in compact writing."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callguard.rules.authoring.series import MOST_STEPS, parse_series


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.2x3", [0.2, 0.2, 0.2]),
        ("0.2x300ms 1", [0.2, 0.2, 0.2, 1.0]),
        ("0.2+0.1x3", [0.2, 0.3, 0.4]),
        ("1-0.5x4", [1.0, 0.5, 0.0, -0.5]),
        ("-3x1 -3+1x2", [-3.0, -3.0, -2.0]),
        ("", []),
        ("5x0", []),
    ],
)
def test_series_are_written_out(text: str, values: list[float]) -> None:
    assert parse_series(text, 0.1) == values


def test_an_underscore_is_not_judged() -> None:
    assert [math.isnan(value) for value in parse_series("1 _x2 1", 0.1)] == [False, True, True, False]


@given(st.text(alphabet="0123456789.x+-_sm e", max_size=30))
@example("1x99999999")
@example("1x60m 1")
@example("_+1x3")
@example("1x-3")
def test_garbage_is_refused_by_name(text: str) -> None:
    try:
        found = parse_series(text, 0.1)
    except ValueError:
        return
    assert len(found) <= MOST_STEPS
