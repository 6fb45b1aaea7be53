"""The self-test's verdicts can fail: a tone that must be absent, a party that hears nothing, a tap without media."""

import numpy as np
from numpy.typing import NDArray

from callguard.doctor.selftest import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, _judge_phones, _judge_taps


def tones(*frequencies: float) -> NDArray[np.int16]:
    time = np.arange(12_000) / 8000
    mixed = sum((4000 * np.sin(2 * np.pi * hertz * time) for hertz in frequencies), np.zeros(12_000))
    return mixed.astype(np.int16)


GOOD = {
    "customer": tones(AGENT_HZ),
    "agent": tones(CUSTOMER_HZ, SUPERVISOR_HZ),
    "supervisor": tones(CUSTOMER_HZ, AGENT_HZ),
}


def wrong(heard: dict[str, NDArray[np.int16]]) -> list[str]:
    return [finding.text for finding in _judge_phones(heard) if finding.level == "error"]


def test_a_sound_call_passes() -> None:
    assert wrong(GOOD) == []


def test_a_whisper_that_reaches_the_customer_is_an_error() -> None:
    (text,) = wrong(GOOD | {"customer": tones(AGENT_HZ, SUPERVISOR_HZ)})
    assert text.startswith("NOT proved: the customer never hears the whisper")


def test_even_a_faint_whisper_is_an_error() -> None:
    faint = tones(AGENT_HZ) + (tones(SUPERVISOR_HZ) // 16)
    assert len(wrong(GOOD | {"customer": faint})) == 1


def test_silence_proves_nothing() -> None:
    assert len(wrong(GOOD | {"customer": np.zeros(0, dtype=np.int16)})) == 2
    assert len(wrong(GOOD | {"agent": tones()})) == 2


def test_a_tap_that_carries_the_other_party_is_an_error() -> None:
    findings = _judge_taps(tones(AGENT_HZ), tones(AGENT_HZ))
    assert [finding.level for finding in findings] == ["error", "error", "ok", "ok"]


def test_a_tap_without_media_says_what_to_do() -> None:
    (finding, *_) = _judge_taps(None, None)
    assert "extensions_callguard.conf" in finding.advice
    (finding, *_) = _judge_taps(None, None, "external_media")
    assert "UDP" in finding.advice
