import numpy as np
import pytest

from callguard.audio.features import BANDS, FRAME_FEATURES
from callguard.audio.window import FUNCTIONALS, SUMS, WINDOW_BLOCKS, Windows, frame_sums, functionals, seconds

RNG = np.random.default_rng(1)


def some(count):
    features = RNG.normal(size=(count, len(FRAME_FEATURES))).astype(np.float32)
    features[:, FRAME_FEATURES.index("periodicity")] = 1.0
    return frame_sums(features, np.ones((count, len(BANDS)), np.float32)), features


def test_functionals_of_sums_are_means_and_spreads_of_the_frames():
    sums, features = some(40)
    found = functionals(sums.sum(axis=0, keepdims=True))[0]
    size = len(FRAME_FEATURES)
    np.testing.assert_allclose(found[:size], features.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(found[size : 2 * size], features.std(axis=0), atol=1e-3)
    assert found[FUNCTIONALS.index("loudness")] == pytest.approx(0, abs=1e-4)


def test_unvoiced_frames_weigh_little():
    features = np.zeros((2, len(FRAME_FEATURES)), np.float32)
    features[:, FRAME_FEATURES.index("periodicity")] = 1.0, 0.0
    features[:, FRAME_FEATURES.index("alpha")] = 10.0, -10.0
    sums = frame_sums(features, np.ones((2, len(BANDS)), np.float32)).sum(axis=0, keepdims=True)
    assert functionals(sums)[0, FUNCTIONALS.index("alpha_mean")] > 9


def test_a_window_is_the_last_blocks_and_forgets_older_ones():
    windows = Windows(3)
    row = np.array([2])
    for number in range(WINDOW_BLOCKS + 2):
        frames, _ = some(5 + number)
        windows.add(np.full(5 + number, 2), frames)
        block, window = windows.close_blocks(row)
        assert seconds(block)[0] == pytest.approx((5 + number) * 0.02)
    assert seconds(window)[0] == pytest.approx(sum(5 + n for n in range(2, WINDOW_BLOCKS + 2)) * 0.02)
    windows.clear(2)
    assert windows.close_blocks(row)[1].sum() == 0


def test_frames_go_to_their_own_leg():
    windows = Windows(4)
    frames, _ = some(6)
    windows.add(np.array([0, 0, 1, 3, 3, 3]), frames)
    np.testing.assert_allclose(windows.open_block[0], frames[:2].sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(windows.open_block[3], frames[3:].sum(axis=0), rtol=1e-4, atol=1e-4)
    assert windows.open_block[2].sum() == 0


def test_no_frames_give_finite_functionals():
    assert np.isfinite(functionals(np.zeros((2, SUMS), np.float32))).all()
