"""Silences cover what their scope says, while they last."""

import pytest

from callguard.alerts.silences import SilenceScope, covering, new_silence
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


def test_the_silence_that_ends_last_is_named() -> None:
    silences = [
        new_silence(name, "ann", "tea", 0, until, SilenceScope()) for name, until in (("a", 5), ("b", 9), ("c", 7))
    ]
    found = covering(silences, ALERT, 6)
    assert found is not None
    assert found.id == "b"
    assert covering(silences, ALERT, 9) is None
