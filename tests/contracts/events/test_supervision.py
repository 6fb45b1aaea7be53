"""Events of supervision speak the one vocabulary."""

import pytest
from pydantic import ValidationError

from callguard.contracts.events import AbuseEndedCall, SupervisionEnded, SupervisionModeChanged, SupervisionStarted

SESSION = {"call": "1", "session": "s1", "supervisor": "anna", "mode": "whisper"}


def test_an_event_of_supervision_names_its_mode_or_says_that_it_is_unknown() -> None:
    ended = SESSION | {"reason": "restart", "lasted_s": None, "mode": None}
    assert SupervisionEnded.model_validate(ended).mode is None
    del ended["mode"]
    with pytest.raises(ValidationError, match="mode"):
        SupervisionEnded.model_validate(ended)


def test_a_supervisor_who_joins_is_neither_suspended_nor_cut() -> None:
    changed = SupervisionModeChanged.model_validate(SESSION | {"previous": "listen", "by": "key"})
    assert (changed.suspended, changed.cutting, changed.reason) == (False, False, None)
    assert SupervisionStarted.model_validate(SESSION | {"ring_s": 1.5}).card is None


def test_policy_ends_a_call_only_after_a_warning() -> None:
    with pytest.raises(ValidationError, match="warned_at"):
        AbuseEndedCall.model_validate({"call": "1", "agent": "ben"})
