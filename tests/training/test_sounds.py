import numpy as np
import pytest

from training.sounds import MAKERS


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("seed", range(4))
def test_sounds_are_finite_of_their_length_not_silent_and_the_same_by_seed(name, seed):
    first = MAKERS[name](2.0, np.random.default_rng(seed))
    assert len(first) == 16000
    assert np.isfinite(first).all()
    assert np.abs(first).max() > 0.01
    assert np.array_equal(first, MAKERS[name](2.0, np.random.default_rng(seed)))
