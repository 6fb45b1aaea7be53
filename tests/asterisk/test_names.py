"""What we make is recognised by its name, and only by the application that made it."""

import pytest

from callguard.asterisk.names import device_of, ear, kind_of, mode_of_ear, name, new_id
from callguard.contracts.vocabulary import SupervisionMode

TAP = "d8ce7778-1f4c-4a44-ba29-0715fe24f754"


def test_a_name_says_its_kind_to_its_own_application_only() -> None:
    made = name("callguard", "room", new_id())
    assert kind_of("callguard", made) == "room"
    assert kind_of("callguard-2", made) is None


@pytest.mark.parametrize("foreign", ["1795324867.1", TAP, "callguard", "callguard.room", "", "other.room.1"])
def test_other_ids_are_not_ours(foreign: str) -> None:
    assert kind_of("callguard", foreign) is None


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge", "takeover"])
def test_an_ear_says_its_mode_to_its_own_application_only(mode: SupervisionMode) -> None:
    made = ear("callguard", mode)
    assert kind_of("callguard", made) == "ear"
    assert mode_of_ear("callguard", made) == mode
    assert mode_of_ear("callguard-2", made) is None
    assert ear("callguard", mode) != made


@pytest.mark.parametrize("other", ["", "callguard.ear.", f"callguard.ear.{TAP}", "callguard.room.whisper.1"])
def test_what_is_no_ear_has_no_mode(other: str) -> None:
    assert mode_of_ear("callguard", other) is None


@pytest.mark.parametrize(
    ("endpoint", "device"),
    [
        ("PJSIP/ann", "PJSIP/ann"),
        ("SCCP/7001", "SCCP/7001"),
        ("Local/s@lead", None),
        ("PJSIP/0123@trunk", None),
        ("PJSIP/trunk/sip:0123@example.org", None),
        ("DAHDI/g1/0123", None),
        ("PJSIP/", None),
        ("ann", None),
    ],
)
def test_only_a_phone_has_a_state_of_its_own(endpoint: str, device: str | None) -> None:
    """A trunk in use says nothing of the person whose number is dialled through it."""
    assert device_of(endpoint) == device
