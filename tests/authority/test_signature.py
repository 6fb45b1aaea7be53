"""An entry is as good as its signature: by a configured sender, fresh, over these very words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callguard.authority import Asker, ForbiddenError
from callguard.authority.signature import REMEMBERED_S, WINDOW_S, Gate, sign, signed
from callguard.config import Config

NOW = 1_800_000_000.0
KEY = "0123456789abcdef"
TEXT = '{"id":"1","action":"stop","call":"1.1"}'


def gate(trust: str = "signed") -> Gate:
    sender = {"role": "qa", "key": {"env": "CRM"}}
    config = Config.model_validate({"redis": {"trust": trust, "senders": {"crm": sender, "mute": sender}}})
    return Gate(config, lambda _: {"crm": KEY, "cli": "own-key-of-the-node"})


def identify(fields: dict[str, str], *, entered: float = NOW, now: float = NOW, trust: str = "signed") -> Asker:
    return gate(trust).identify(fields, fields.get("command", ""), entered, now)


def test_the_signature_is_the_documented_one() -> None:
    """As `openssl dgst -sha256 -hmac` gives it over sender, newline, at, newline, command."""
    assert sign("crm", "secret", "1700000000", '{"id":"1"}') == (
        "b234e1905ef7c93a6b489065dad3977660a53770eb176e885fd2079567802159"
    )


def test_a_signed_entry_comes_from_its_sender() -> None:
    assert identify(signed("crm", KEY, NOW, TEXT)) == Asker("crm", "redis", "qa")
    assert identify(signed("cli", "own-key-of-the-node", NOW, TEXT)) == Asker("cli", "cli", "operator")


@pytest.mark.parametrize("at", ["1800000000", "1800000010.5", "2027-01-15T08:00:00Z", "2027-01-15T09:00:00+01:00"])
def test_the_time_is_in_seconds_or_iso_8601(at: str) -> None:
    assert datetime.fromtimestamp(NOW, UTC).isoformat() == "2027-01-15T08:00:00+00:00"
    fields = {"command": TEXT, "sender": "crm", "at": at, "sig": sign("crm", KEY, at, TEXT).upper()}
    assert identify(fields).name == "crm"


@pytest.mark.parametrize("at", ["", "now", "2027-01-15T08:00:00", " 1800000000", "1800000000\n", "1e9", "nan", "-1"])
def test_another_time_is_told(at: str) -> None:
    fields = {"command": TEXT, "sender": "crm", "at": at, "sig": sign("crm", KEY, at, TEXT)}
    with pytest.raises(ForbiddenError, match="a time in `at`: Unix seconds"):
        identify(fields)


@pytest.mark.parametrize(
    ("entered", "now", "says"),
    [
        (NOW + WINDOW_S + 1, NOW + WINDOW_S + 1, "the entry came 31 s after it was signed, allowed 30 s"),
        (NOW - WINDOW_S - 1, NOW, "the entry came 31 s before it was signed"),
        (NOW, NOW + REMEMBERED_S + 1, "it has waited 3601 s"),
        (NOW + 20, NOW - 20, "it has waited -40 s"),
    ],
)
def test_a_stale_signature_is_refused_in_its_senders_name(entered: float, now: float, says: str) -> None:
    with pytest.raises(ForbiddenError, match=says) as refused:
        identify(signed("crm", KEY, NOW, TEXT), entered=entered, now=now)
    assert refused.value.sender == "crm"


def test_an_entry_that_waited_while_the_service_was_away_is_good() -> None:
    assert identify(signed("crm", KEY, NOW, TEXT), entered=NOW + 29, now=NOW + 1000).name == "crm"


GOOD = signed("crm", KEY, NOW, TEXT)


@pytest.mark.parametrize(
    "forged",
    [
        {"command": TEXT.replace("stop", "barge")},
        {"at": "1800000001.000"},
        {"sender": "cli"},
        {"sender": "nobody"},
        {"sender": "mute", "sig": sign("mute", "", GOOD["at"], TEXT)},
        {"sender": "ghost", "sig": sign("ghost", "", GOOD["at"], TEXT)},
        {"sig": ""},
        {"sig": "0" * 64},
        {"sig": GOOD["sig"][:-1]},
        {"sig": "é" * 64},
    ],
    ids="-".join,
)
@pytest.mark.parametrize("trust", ["signed", "loopback"])
def test_a_forged_entry_is_nobodys_even_where_unsigned_ones_are_trusted(forged: dict[str, str], trust: str) -> None:
    with pytest.raises(ForbiddenError, match="the signature of a configured sender") as refused:
        identify(GOOD | forged, trust=trust)
    assert refused.value.sender is None


def test_without_a_signature_an_entry_is_taken_only_where_that_is_configured() -> None:
    assert identify({"command": TEXT}, trust="loopback") == Asker("loopback", "redis", "operator")
    with pytest.raises(ForbiddenError, match="a signature: fields sender, at and sig"):
        identify({"command": TEXT})


@given(st.dictionaries(st.sampled_from(["sender", "at", "sig", "command", "x"]), st.text(max_size=70)))
def test_whatever_an_entry_holds_it_is_refused_or_signed(fields: dict[str, str]) -> None:
    with pytest.raises(ForbiddenError):
        identify(fields)


def test_a_reload_reads_the_keys_again() -> None:
    keys: dict[str, Any] = {"crm": KEY}
    config = Config.model_validate({"redis": {"senders": {"crm": {"role": "qa", "key": {"env": "CRM"}}}}})
    mine = Gate(config, lambda _: dict(keys))
    keys.clear()
    assert mine.identify(GOOD, TEXT, NOW, NOW).name == "crm"
    mine.apply(config)
    with pytest.raises(ForbiddenError):
        mine.identify(GOOD, TEXT, NOW, NOW)
