"""FastAGI has no password: who may connect is a matter of addresses."""

import pytest
from pydantic import ValidationError

from callguard.config.agi import Agi, host_and_port


def test_it_is_off_and_on_loopback_unless_it_is_configured() -> None:
    assert (Agi().enabled, Agi().listen, Agi().sources) == (False, "127.0.0.1:4573", ())


@pytest.mark.parametrize(
    ("text", "split"), [("127.0.0.1:4573", ("127.0.0.1", 4573)), ("[::1]:0", ("::1", 0)), ("[::1]:9", ("::1", 9))]
)
def test_an_address_with_its_port(text: str, split: tuple[str, int]) -> None:
    assert host_and_port(Agi(listen=text).listen) == split


@pytest.mark.parametrize(
    "text", ["127.0.0.1", ":4573", "pbx:4573", "127.0.0.1:x", "127.0.0.1:70000", "::1:4573", "a/b:1"]
)
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Agi(listen=text)


def test_an_address_that_others_reach_needs_the_addresses_of_the_pbx() -> None:
    with pytest.raises(ValidationError, match="sources must name the addresses"):
        Agi(listen="0.0.0.0:4573")
    assert Agi(listen="0.0.0.0:4573", sources=("192.0.2.0/24",)).sources == ("192.0.2.0/24",)
    with pytest.raises(ValidationError, match="neither an IP address nor a network"):
        Agi(sources=("pbx",))
