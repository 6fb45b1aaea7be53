"""Events of alerts speak the one vocabulary."""

import pytest
from pydantic import ValidationError

from callguard.contracts.events import AlertEscalated, AlertFired, AlertJudged, AlertResolved

ALERT = {"call": "1", "alert": "a1", "rule": "Loud", "leg": "customer"}


def test_an_alert_that_fires_tells_its_evidence() -> None:
    assert AlertFired.model_validate(ALERT | {"evidence": {}}).passed_over == {}
    with pytest.raises(ValidationError, match="evidence"):
        AlertFired.model_validate(ALERT)


def test_a_supervisor_is_passed_over_for_a_known_reason() -> None:
    raised = AlertEscalated.model_validate(ALERT | {"tier": 2, "passed_over": {"anna": "busy", "ben": "budget"}})
    assert raised.passed_over == {"anna": "busy", "ben": "budget"}
    with pytest.raises(ValidationError, match="passed_over"):
        AlertEscalated.model_validate(ALERT | {"tier": 2, "passed_over": {"anna": "asleep"}})


def test_an_alert_ends_for_a_known_reason() -> None:
    with pytest.raises(ValidationError, match="reason"):
        AlertResolved.model_validate(ALERT | {"reason": "tired", "lasted_s": 1})


def test_a_verdict_is_one_of_three() -> None:
    with pytest.raises(ValidationError, match="verdict"):
        AlertJudged.model_validate(ALERT | {"by": "anna", "verdict": "maybe"})
