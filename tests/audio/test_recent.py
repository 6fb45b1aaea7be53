import numpy as np

from callguard.audio.recent import HOPS, Recent
from tests.support.sound import hops, noise


def test_the_window_is_the_last_two_seconds_in_order():
    recent, pcm = Recent(3), noise(3.4)
    for at, hop in enumerate(hops(pcm)):
        speech = np.full((1, 5), at % 2 == 0)
        recent.add(np.array([1]), hop.pcm, speech)
    sound, speech = recent.window(1)
    np.testing.assert_array_equal(sound, pcm[-16000:])
    np.testing.assert_array_equal(speech, np.repeat((np.arange(34 - HOPS, 34) % 2 == 0), 5))


def test_silence_stands_before_a_legs_first_hop():
    recent, pcm = Recent(1), noise(0.3)
    for hop in hops(pcm):
        recent.add(np.array([0]), hop.pcm, np.ones((1, 5), np.bool_))
    sound, speech = recent.window(0)
    np.testing.assert_array_equal(sound[-2400:], pcm)
    assert not sound[:-2400].any()
    assert speech.sum() == 15


def test_a_forgotten_legs_audio_is_gone_and_the_others_is_kept():
    recent = Recent(2)
    for hop in hops(noise(1.0), noise(1.0, seed=1)):
        recent.add(hop.rows, hop.pcm, np.ones((2, 5), np.bool_))
    recent.forget(0)
    assert not recent.window(0)[0].any()
    assert not recent.window(0)[1].any()
    assert recent.window(1)[0].any()
