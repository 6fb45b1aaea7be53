"""A node tells how many of its calls are heard."""

import pytest
from pydantic import ValidationError

from callguard.contracts.events import NodeHearing


def test_the_causes_of_unheard_calls_are_known_words() -> None:
    assert NodeHearing.model_validate({"node": "n1", "heard": 1, "calls": 2, "causes": {"no_tap": 1}}).causes == {
        "no_tap": 1
    }
    with pytest.raises(ValidationError, match="causes"):
        NodeHearing.model_validate({"node": "n1", "heard": 1, "calls": 2, "causes": {"asleep": 1}})
