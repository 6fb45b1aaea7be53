"""What a phone's user keys becomes a finding; silence is never taken for hearing."""

import pytest

from callguard.doctor.phones import HEARD, NOT_HEARD, Handset, _judged, _meaning

PHONE = Handset("PJSIP/201", "channel")


@pytest.mark.parametrize(
    ("answer", "level", "word"), [(HEARD, "ok", "hears"), (NOT_HEARD, "error", "NOT"), (None, "error", "deaf")]
)
def test_only_who_says_so_hears(answer: str | None, level: str, word: str) -> None:
    found = _judged(PHONE, "the customer", answer, "try this")
    assert (found.level, word in found.text, found.advice) == (level, True, "" if answer == HEARD else "try this")


@pytest.mark.parametrize(
    ("technology", "heard", "level", "advice"),
    [
        ("simple_bridge", True, "ok", ""),
        ("simple_bridge", False, "ok", ""),
        ("native_rtp", True, "ok", "native_rtp_confirmed"),
        ("native_rtp", False, "error", "noload"),
    ],
)
def test_only_phones_that_were_joined_outside_the_core_say_anything_about_native_rtp(
    technology: str, heard: bool, level: str, advice: str
) -> None:
    found = _meaning(technology, heard)
    assert (found.level, advice in found.advice) == (level, True)
