"""Events of calls and taps speak the one vocabulary."""

import pytest
from pydantic import ValidationError

from callguard.contracts.events import CallEnded, CallStarted, CallUpdated, TapLost

TAP = {"call": "1", "leg": "customer", "tap": "t", "channel": "PJSIP/1", "path": "audiosocket"}


@pytest.mark.parametrize("kind", [CallStarted, CallUpdated, CallEnded])
def test_each_event_of_a_call_tells_how_it_is_analysed(kind: type[CallStarted]) -> None:
    facts = {"call": "1", "change": "hold"} if kind is CallUpdated else {"call": "1"}
    facts |= {"duration_s": 1} if kind is CallEnded else {}
    assert kind.model_validate(facts | {"mode": "raised_voice"}).mode == "raised_voice"
    with pytest.raises(ValidationError, match="mode"):
        kind.model_validate(facts)
    with pytest.raises(ValidationError, match="mode"):
        kind.model_validate(facts | {"mode": "mood"})


def test_only_the_parties_of_a_call_are_tapped() -> None:
    assert TapLost.model_validate(TAP | {"reason": "eof"}).leg == "customer"
    with pytest.raises(ValidationError, match="leg"):
        TapLost.model_validate(TAP | {"reason": "eof", "leg": "supervisor"})


def test_a_lost_tap_says_why() -> None:
    with pytest.raises(ValidationError, match="reason"):
        TapLost.model_validate(TAP)
