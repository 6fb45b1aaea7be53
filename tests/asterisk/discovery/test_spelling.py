"""Variables are read in every spelling; an unclear value judges nobody and is told."""

import pytest

from callguard.asterisk.discovery.spelling import is_clear, part_of, setting_of


@pytest.mark.parametrize("value", ["off", "OFF", " off ", "no", "No", "n", "false", "FALSE", "0"])
def test_every_spelling_of_no_is_off(value: str) -> None:
    assert setting_of(value) == "off"
    assert is_clear("CALLGUARD", value)


@pytest.mark.parametrize(
    ("value", "means"),
    [
        ("", ""),
        ("on", "on"),
        ("Yes", "on"),
        ("1", "on"),
        ("TRUE", "on"),
        ("Emotion", "emotion"),
        ("raised_voice ", "raised_voice"),
    ],
)
def test_what_allows_judging_is_read_without_case(value: str, means: str) -> None:
    assert setting_of(value) == means
    assert is_clear("CALLGUARD", value)


@pytest.mark.parametrize("value", ["of", "maybe", "-1", "raised voice", "aus"])
def test_an_unclear_value_never_means_to_judge(value: str) -> None:
    assert setting_of(value) == "off"
    assert not is_clear("CALLGUARD", value)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("agent", "agent"),
        (" Agent", "agent"),
        ("CUSTOMER", "customer"),
        ("Supervisor", "supervisor"),
        ("ignore", "ignore"),
        ("", None),
        ("agnt", None),
    ],
)
def test_roles_are_read_without_case(value: str, part: str | None) -> None:
    assert part_of(value) == part
    assert is_clear("CALLGUARD_ROLE", value) == (value != "agnt")
