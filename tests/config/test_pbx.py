"""The sections about Asterisk and its media have safe defaults and refuse what makes no sense."""

import pytest
from pydantic import ValidationError

from callguard.config import Ari, AsteriskConfig, Media


def test_nothing_is_confirmed_and_nothing_waits_unless_somebody_wrote_it() -> None:
    assert not AsteriskConfig().native_rtp_confirmed
    assert Media().first_tap_delay_s is None


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


@pytest.mark.parametrize(
    ("media", "listen", "named"),
    [
        ({}, "127.0.0.1", None),
        ({"listen": "::1"}, "::1", "[::1]"),
        ({"listen": "[::1]"}, "::1", "[::1]"),
        ({"listen": "::"}, "::", None),
        ({"listen": "0.0.0.0"}, "0.0.0.0", None),
        ({"listen": "::", "advertise": "[2001:db8::7]"}, "::", "[2001:db8::7]"),
        ({"listen": "0.0.0.0", "advertise": "192.0.2.10"}, "0.0.0.0", "192.0.2.10"),
        ({"advertise": "media.example"}, "127.0.0.1", "media.example"),
    ],
)
def test_the_dialplan_is_told_the_medias_host_where_it_is_not_loopback(
    media: dict[str, str], listen: str, named: str | None
) -> None:
    made = Media.model_validate(media)
    assert (made.listen, made.named_host) == (listen, named)
