import numpy as np

from callguard.models.calm_voice import MOST_WINDOWS, REFRESH, CalmVoices
from callguard.models.encoder import VOICE

ROW = np.array([1])
RNG = np.random.default_rng(4)


def voice():
    return RNG.normal(size=(1, VOICE)).astype(np.float32)


def test_it_is_the_mean_of_what_was_heard_and_says_of_how_many_windows():
    calm, heard = CalmVoices(3), [voice() for _ in range(5)]
    for each in heard:
        calm.learn(ROW, each)
    np.testing.assert_allclose(calm.mean[1], np.mean(heard, axis=0)[0], atol=1e-5)
    assert calm.windows.tolist() == [0, 5, 0]
    assert not calm.mean[[0, 2]].any()


def test_an_old_one_is_left_slowly():
    """A voice that changed for good is the calm voice after some dozens of windows, and the old one counts no more."""
    calm, old, new = CalmVoices(2), voice(), voice()
    for _ in range(100):
        calm.learn(ROW, old)
    assert calm.windows[1] == MOST_WINDOWS
    calm.learn(ROW, new)
    np.testing.assert_allclose(calm.mean[1] - old[0], (new - old)[0] / MOST_WINDOWS, atol=1e-5)
    for _ in range(60):
        calm.learn(ROW, new)
    np.testing.assert_allclose(calm.mean[1], new[0], atol=0.05)


def test_every_calm_window_is_wanted_until_enough_are_known_and_then_one_in_many():
    calm = CalmVoices(2)
    for _ in range(MOST_WINDOWS):
        assert calm.wanted(ROW)[0]
        calm.learn(ROW, voice())
    assert [calm.wanted(ROW)[0] for _ in range(REFRESH)] == [False] * REFRESH
    assert calm.wanted(ROW)[0]
    assert calm.wanted(ROW)[0], "what was wanted and not heard is wanted again"


def test_forgetting_makes_a_leg_new_and_leaves_the_others():
    calm = CalmVoices(2)
    calm.learn(np.array([0, 1]), np.concatenate([voice(), voice()]))
    calm.forget(1)
    assert calm.windows.tolist() == [1, 0]
    assert not calm.mean[1].any()
    assert calm.mean[0].any()
