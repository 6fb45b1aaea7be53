"""A handoff card survives the wire and takes no word that is not agreed on."""

import pytest
from pydantic import ValidationError

from callguard.contracts.cards import CardAlert, CardStep, HandoffCard
from tests.support.events import handoff_card


def test_a_card_survives_the_wire() -> None:
    card = handoff_card()
    assert HandoffCard.model_validate_json(card.model_dump_json()) == card


def test_a_new_card_is_empty_but_for_the_time() -> None:
    card = HandoffCard(elapsed_s=1.0)
    assert (card.queue, card.agent, card.wait_s, card.rose, card.tried, card.earlier) == (
        None,
        None,
        None,
        (),
        (),
        None,
    )


@pytest.mark.parametrize("state", ["pending", "silenced"])
def test_only_what_fired_is_on_a_card(state: str) -> None:
    alert = {"rule": "Loud", "leg": "customer", "severity": "warning", "at_s": 1, "summary": "", "because": ()}
    assert CardAlert.model_validate(alert | {"state": "fired"}).owner is None
    with pytest.raises(ValidationError):
        CardAlert.model_validate(alert | {"state": state})


def test_a_card_has_no_other_facts_and_does_not_change() -> None:
    with pytest.raises(ValidationError):
        CardStep.model_validate({"at_s": 1, "what": "prompt", "detail": "slow-down", "number": "+1"})
    with pytest.raises(ValidationError):
        handoff_card().queue = "other"  # type: ignore[misc]
