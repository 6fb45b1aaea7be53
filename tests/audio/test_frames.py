"""The clock of the media plane fits what Asterisk sends and what the speech detector takes."""

import webrtcvad

from callguard.audio.frames import (
    FRAME_DTMF,
    FRAME_LOST,
    FRAME_S,
    FRAME_SAMPLES,
    HOP_FRAMES,
    HOP_S,
    SAMPLE_RATE,
)


def test_a_frame_is_the_packet_time_of_a_tap() -> None:
    assert FRAME_S == 0.02
    assert FRAME_SAMPLES * 50 == SAMPLE_RATE == 8000


def test_a_signal_is_renewed_ten_times_a_second() -> None:
    assert HOP_S == HOP_FRAMES * FRAME_S == 0.1


def test_the_speech_detector_takes_a_frame() -> None:
    assert webrtcvad.valid_rate_and_frame_length(SAMPLE_RATE, FRAME_SAMPLES)


def test_flags_of_a_frame_can_be_told_apart() -> None:
    assert FRAME_LOST & FRAME_DTMF == 0
    assert {FRAME_LOST.bit_count(), FRAME_DTMF.bit_count()} == {1}
