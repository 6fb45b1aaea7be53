"""A trunk is guessed by its settings, always with a reason; a phone is none."""

import pytest

from callguard.inventory.trunks import trunk_reason

PHONE = {"context": "from-internal", "auth": "201", "identify_by": "username,ip", "outbound_auth": ""}


@pytest.mark.parametrize(
    ("name", "settings", "contact", "reason"),
    [
        ("acme", PHONE | {"outbound_auth": "acme"}, "", "outbound_auth"),
        ("acme", PHONE | {"context": "from-pstn-toheader"}, "", "from-pstn-toheader"),
        ("acme", PHONE | {"context": "Incoming"}, "", "Incoming"),
        ("sip-trunk-1", PHONE, "", "name"),
        ("voice-gw2", PHONE, "", "name"),
        ("acme", PHONE | {"auth": ""}, "sip:192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_trunk_is_told_with_the_reason(name: str, settings: dict[str, str], contact: str, reason: str) -> None:
    assert reason in trunk_reason(name, settings, contact)


@pytest.mark.parametrize(
    ("name", "settings", "contact"),
    [
        ("201", PHONE, ""),
        ("201", PHONE, "sip:201@192.0.2.7"),
        ("door", PHONE | {"auth": "", "identify_by": "username"}, "sip:door@192.0.2.7"),
        ("gwen", PHONE, ""),
        ("201", {}, ""),
    ],
)
def test_a_phone_is_no_trunk(name: str, settings: dict[str, str], contact: str) -> None:
    assert trunk_reason(name, settings, contact) == ""
