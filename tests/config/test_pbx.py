"""The sections about Asterisk and its media have safe defaults and refuse what makes no sense."""

import pytest
from pydantic import ValidationError

from callguard.config import Ari, AsteriskConfig, Media


def test_nothing_is_confirmed_and_nothing_waits_unless_somebody_wrote_it() -> None:
    assert not AsteriskConfig().native_rtp_confirmed
    assert Media().first_tap_delay_s == 0


@pytest.mark.parametrize(
    "section",
    [
        {"rtp_start": 30000},
        {"first_tap_delay_s": -1},
        {"first_tap_delay_s": 11},
        {"tap": "pigeon"},
        {"sources": ["x"]},
    ],
)
def test_a_value_that_makes_no_sense_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(section)) if "rtp_start" not in section else "rtp_end"):
        Media.model_validate(section)


def test_an_applications_name_is_a_word_and_an_address_has_no_password() -> None:
    for wrong in ({"app": "two words"}, {"url": "http://user:secret@pbx:8088"}, {"url": "ws://pbx"}):
        with pytest.raises(ValidationError):
            Ari.model_validate(wrong)
