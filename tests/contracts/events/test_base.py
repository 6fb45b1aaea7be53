"""Every event states its facts and no others."""

import pytest
from pydantic import ValidationError

from callguard.contracts.events import PromptPlayed


def test_an_event_takes_no_unknown_fact_and_does_not_change() -> None:
    with pytest.raises(ValidationError):
        PromptPlayed.model_validate({"call": "1", "prompt": "x", "audio": "…"})
    with pytest.raises(ValidationError):
        PromptPlayed(call="1", prompt="x").prompt = "y"  # type: ignore[misc]


def test_an_event_rests_on_no_inference_unless_it_says_so() -> None:
    assert PromptPlayed(call="1", prompt="x").basis == "none"
