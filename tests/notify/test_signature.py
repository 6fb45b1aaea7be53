"""A receiver can tell our request from a forged or a replayed one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.notify.signature import TOLERANCE_S, is_valid, sign

KEY, BODY, NOW = "s3cret", b'{"a":1}', 1_700_000_000


def test_the_form_is_documented_and_stays() -> None:
    """Made with `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac s3cret`."""
    assert sign(KEY, BODY, NOW) == "t=1700000000,v1=1698a50bc74d1ff1db85c4e0a5297c2ad9fdba245d5737cdb789e4cc6e098940"


@pytest.mark.parametrize("age", [0, TOLERANCE_S, -TOLERANCE_S])
def test_a_fresh_signature_is_valid(age: int) -> None:
    assert is_valid(KEY, BODY, sign(KEY, BODY, NOW), NOW + age)


def test_an_old_signature_is_refused() -> None:
    assert not is_valid(KEY, BODY, sign(KEY, BODY, NOW), NOW + TOLERANCE_S + 1)


def test_another_key_body_or_time_is_refused() -> None:
    header = sign(KEY, BODY, NOW)
    assert not is_valid("other", BODY, header, NOW)
    assert not is_valid(KEY, BODY + b" ", header, NOW)
    assert not is_valid(KEY, BODY, header.replace("t=1700000000", "t=1700000001"), NOW)


@given(st.text())
def test_any_header_is_refused_without_a_crash(header: str) -> None:
    assert not is_valid(KEY, BODY, header, NOW)
