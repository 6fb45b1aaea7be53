"""Silences cover what their scope says, while they last."""

import pytest

from callguard.alerts.alert import AlertError
from callguard.alerts.silences import Known, SilenceScope, check_scope, covering, new_silence
from tests.alerts.test_alert import alert

ALERT = alert(queue="support", agent="PJSIP/kim", rule="Raised", call="c1")


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({}, True),
        ({"rule": "Raised"}, True),
        ({"rule": "Rai*"}, True),
        ({"rule": "Other"}, False),
        ({"queue": "support", "agent": "PJSIP/*"}, True),
        ({"queue": "support", "agent": "PJSIP/lee"}, False),
        ({"call": "c1"}, True),
        ({"call": "c*"}, False),
    ],
)
def test_everything_that_a_scope_gives_must_match(scope: dict[str, str], covered: bool) -> None:
    assert SilenceScope(**scope).covers(ALERT) is covered


def test_a_queue_pattern_does_not_cover_a_call_without_a_queue() -> None:
    assert not SilenceScope(queue="*").covers(alert())


def test_queues_are_compared_without_case() -> None:
    assert SilenceScope(queue="SUPP*").covers(ALERT)


@pytest.mark.parametrize("scope", [{}, {"rule": "Raised"}, {"call": "c1"}, {"queue": "support", "agent": "PJSIP/kim"}])
def test_no_silence_covers_what_an_agent_asked_for(scope: dict[str, str]) -> None:
    asked = ALERT.model_copy(update={"basis": "agent"})
    assert not SilenceScope(**scope).covers(asked)
    assert covering([new_silence("a", "ann", "drill", 0, 9, SilenceScope(**scope))], asked, 1) is None


def test_a_refusal_lists_some_of_many_names() -> None:
    many = [f"q{number:02d}" for number in range(50)]
    with pytest.raises(AlertError, match=r"known: q00, .*, q19 and 30 more$"):
        check_scope(SilenceScope(queue="zz"), Known([], many, [], [], complete=True))


def test_the_silence_that_ends_last_is_named() -> None:
    silences = [
        new_silence(name, "ann", "tea", 0, until, SilenceScope()) for name, until in (("a", 5), ("b", 9), ("c", 7))
    ]
    found = covering(silences, ALERT, 6)
    assert found is not None
    assert found.id == "b"
    assert covering(silences, ALERT, 9) is None
