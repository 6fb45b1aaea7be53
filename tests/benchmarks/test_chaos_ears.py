"""Who is heard when is found in a recording, in the midst of others and of speech; what was not said is not found."""

import numpy as np
import pytest

from benchmarks.chaos_ears import (
    HIGHEST_HZ,
    LOWEST_HZ,
    MARKER_DBFS,
    STEP_HZ,
    VOICE_BELOW_HZ,
    customer_voice,
    heard,
    longest_gap,
    markers,
    merged,
    other_voice,
    within,
)
from callguard.audio.codec import Format, decode, encode
from callguard.testbed.lab.tones import RATE, tone
from callguard.testbed.simulator.voice import speak

PHONES = [f"phone{number}" for number in range(28)]
HERTZ = markers(PHONES)


def through_a_line(*voices: np.ndarray) -> np.ndarray:
    """Mix as a bridge does, and code as G.711 does."""
    mixed = np.clip(np.sum([voice.astype(np.int32) for voice in voices], axis=0), -32768, 32767).astype(np.int16)
    return decode(np.frombuffer(encode(mixed, Format.ULAW), np.uint8), Format.ULAW)


def test_markers_lie_apart_and_above_the_customers_speech() -> None:
    hertz = sorted(HERTZ.values())
    assert hertz[0] == LOWEST_HZ > VOICE_BELOW_HZ
    assert hertz[-1] <= HIGHEST_HZ < RATE / 2
    assert np.diff(hertz) == pytest.approx(STEP_HZ)


def test_more_phones_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="can't be told apart"):
        markers([f"phone{number}" for number in range(40)])


def test_each_of_several_neighbours_is_found_and_nobody_else() -> None:
    speaking = ("phone3", "phone4", "phone5", "phone27")
    recording = through_a_line(*(other_voice(HERTZ[phone], 2.0) for phone in speaking))
    found = heard(recording, HERTZ)
    assert set(found) == set(speaking)
    assert all(len(spans) == 1 and spans[0][1] - spans[0][0] > 1.9 for spans in found.values())


def test_a_shouting_customer_is_found_by_the_marker_and_is_nobody_else() -> None:
    recording = through_a_line(customer_voice(HERTZ["phone0"], 1, 2.0, 8.0), other_voice(HERTZ["phone9"], 8.0))
    found = heard(recording, HERTZ)
    assert set(found) == {"phone0", "phone9"}
    assert longest_gap(found["phone0"], 0.1, 7.9) < 0.1


@pytest.mark.parametrize("effort", ["calm", "raised"])
def test_a_spoken_prompt_is_nobody(effort: str) -> None:
    for seed in range(3):
        found = heard(through_a_line(speak(10.0, effort, seed=seed)), HERTZ)  # type: ignore[arg-type]
        assert sum(end - begin for spans in found.values() for begin, end in spans) < 0.3


def test_the_ends_of_a_stretch_are_right_to_some_tens_of_milliseconds() -> None:
    silence = np.zeros(RATE, np.int16)
    recording = np.concatenate([silence, other_voice(HERTZ["phone7"], 0.5), silence])
    [(begin, end)] = heard(through_a_line(recording), HERTZ)["phone7"]
    assert begin == pytest.approx(1.0, abs=0.04)
    assert end == pytest.approx(1.5, abs=0.04)


def test_a_tenth_of_a_second_is_found_amid_others() -> None:
    silence = np.zeros(RATE, np.int16)
    slip = np.concatenate([silence, other_voice(HERTZ["phone20"], 0.1), silence])
    others = [other_voice(HERTZ[phone], len(slip) / RATE) for phone in ("phone2", "phone19")]
    found = heard(through_a_line(slip, *(other[: len(slip)] for other in others)), HERTZ)
    assert found["phone20"][0][0] == pytest.approx(1.03, abs=0.05)


def test_silence_faint_tones_and_recordings_of_no_length_hold_nobody() -> None:
    assert heard(np.zeros(RATE, np.int16), HERTZ) == {}
    assert heard(tone(HERTZ["phone1"], 1.0, MARKER_DBFS - 20), HERTZ) == {}
    assert heard(np.zeros(0, np.int16), HERTZ) == {}


def test_stretches_are_joined_cut_and_searched_for_gaps() -> None:
    spans = merged([(0.0, 1.0), (1.02, 2.0), (3.0, 4.0)])
    assert spans == [(0.0, 2.0), (3.0, 4.0)]
    assert within(spans, 1.5, 3.5) == [(1.5, 2.0), (3.0, 3.5)]
    assert within(spans, 3.5, 1.5) == []
    assert longest_gap(spans, 0.0, 4.0) == 1.0
    assert longest_gap(spans, 0.0, 6.5) == 2.5
    assert longest_gap([], 1.0, 4.0) == 3.0
    assert longest_gap(spans, 5.0, 4.0) == 0.0
