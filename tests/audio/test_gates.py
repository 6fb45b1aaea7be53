import numpy as np
import pytest

from callguard.audio.frames import FRAME_DTMF, FRAME_LOST
from callguard.audio.gates import CLIPPED_SHARE, Reason, among, clipped_share, is_tone, lost_share, signalled_dtmf
from callguard.audio.listener import Listener
from tests.support.sound import buzz, hops, noise, tone


def windows(sound):
    """Windows that hold speech, as VAD takes it."""
    listener = Listener(1)
    found = []
    for hop in hops(sound):
        listener.hear(hop)
        due = listener.judgeable(hop.rows)
        found += [due.window for speech in due.speech_s if speech > 0.3]
    assert found
    return np.concatenate(found)


@pytest.mark.parametrize("hertz", [(425,), (350, 440), (1100,), (2100,), (697, 1209), (941, 1633)])
def test_steady_tones_are_tones(hertz):
    assert is_tone(windows(np.concatenate([noise(1, 0.001), tone(3, *hertz)]))).all()


def test_a_voice_and_noise_are_no_tones():
    assert not is_tone(windows(buzz(3))).any()
    assert not is_tone(windows(np.concatenate([noise(1, 0.001), noise(3, 0.1)]))).any()


def share(sound):
    return np.mean([clipped_share(hop.pcm)[0] for hop in hops(sound)])


def test_flat_tops_are_clipping_at_any_level_and_a_clean_voice_has_none():
    clean = buzz(2, level=0.9)
    hard = np.clip(clean.astype(float) * 40, -20000, 20000).astype(np.int16)
    assert share(clean) < 0.02
    assert share(hard) > CLIPPED_SHARE
    assert share((hard / 8).astype(np.int16)) > CLIPPED_SHARE
    assert share(np.zeros(8000, np.int16)) == 0


def test_flags_say_lost_and_dtmf():
    flags = np.array([[0, FRAME_LOST, FRAME_LOST, 0, 0], [0, 0, 0, 0, FRAME_DTMF]], np.uint8)
    assert lost_share(flags).tolist() == pytest.approx([0.4, 0])
    assert signalled_dtmf(flags).tolist() == [False, True]


def test_reasons_keep_their_numbers():
    """Stored history and the table of precedence rely on them."""
    assert [reason.name.lower() for reason in sorted(Reason)] == [
        "judged", "warming", "silence", "laughter", "noise", "music", "clipping", "tone", "fax", "dtmf", "lost",
        "off", "apart", "hold", "stalled",
    ]  # fmt: skip


def test_a_table_tells_of_each_reason_whether_it_is_among_the_named() -> None:
    aside = among(Reason.HOLD, Reason.OFF)
    reasons = np.array([Reason.JUDGED, Reason.HOLD, Reason.STALLED, Reason.OFF], np.int8)
    assert aside[reasons].tolist() == [False, True, False, True]
