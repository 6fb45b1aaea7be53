"""Shared words are spelled as programs and files out there spell them."""

from typing import get_args

from callguard.contracts import vocabulary


def test_the_words_of_the_wire() -> None:
    assert get_args(vocabulary.Role) == ("customer", "agent")
    assert get_args(vocabulary.Part) == ("customer", "agent", "supervisor", "ignore")
    assert get_args(vocabulary.Subject) == ("customer", "agent", "call")
    assert get_args(vocabulary.Mode) == ("off", "raised_voice", "emotion")
    assert get_args(vocabulary.SupervisionMode) == ("listen", "whisper", "barge", "takeover")
    assert get_args(vocabulary.Verdict) == ("useful", "early", "false")


def test_severities_stand_in_order_and_are_all_there() -> None:
    assert vocabulary.SEVERITIES == ("info", "warning", "critical") == get_args(vocabulary.Severity)


def test_whoever_joins_does_not_replace_the_agent() -> None:
    assert {*get_args(vocabulary.JoinMode), "takeover"} == set(get_args(vocabulary.SupervisionMode))
