"""Patterns match the channels of the chosen endpoints, all of them and no other's."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.setup.globs import patterns_for

NAMES = st.text("ab12-.[*", min_size=1, max_size=4).map("PJSIP/{}".format)


@pytest.mark.parametrize(
    ("chosen", "patterns"),
    [
        (["PJSIP/201"], ["PJSIP/201-*"]),
        (["PJSIP/201", "PJSIP/202", "PJSIP/203", "PJSIP/207"], ["PJSIP/20[1-37]-*"]),
        (["PJSIP/209", "PJSIP/210"], ["PJSIP/209-*", "PJSIP/210-*"]),
        (["PJSIP/anna", "PJSIP/desk-1", "PJSIP/desk-2"], ["PJSIP/anna-*", "PJSIP/desk-[1-2]-*"]),
        ([], []),
    ],
)
def test_neighbours_share_a_pattern(chosen: list[str], patterns: list[str]) -> None:
    assert patterns_for(chosen, [*chosen, "PJSIP/205"]) == patterns


def test_a_longer_name_is_not_matched() -> None:
    assert patterns_for(["PJSIP/desk"], ["PJSIP/desk", "PJSIP/desk-1"]) == ["PJSIP/desk-????????"]


@given(st.sets(NAMES, min_size=1, max_size=12), st.data())
def test_exactly_the_chosen_are_matched(present: set[str], data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.sampled_from(sorted(present))))
    patterns = patterns_for(chosen, present)
    for name in present:
        matched = any(fnmatchcase(f"{name}-0000002f", pattern) for pattern in patterns)
        assert matched == (name in chosen), (name, patterns)
