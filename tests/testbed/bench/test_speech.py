"""The audio of measurements: the same every time, at the share of speech and the levels that were asked for."""

import numpy as np
import pytest

from callguard.audio.frames import FRAME_SAMPLES, Pcm
from callguard.testbed.bench.speech import CALM_DBFS, LOUD_DBFS, NOISE_DBFS, clip


def levels(pcm: Pcm) -> list[float]:
    return list(10 * np.log10(np.mean((pcm / 32768) ** 2, axis=1) + 1e-12))


def test_a_seed_gives_the_same_audio_and_another_seed_another() -> None:
    assert np.array_equal(clip(3, 50, 0.4), clip(3, 50, 0.4))
    assert not np.array_equal(clip(3, 50, 0.4), clip(4, 50, 0.4))
    assert clip(3, 50, 0.4).shape == (50, FRAME_SAMPLES)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.8])
def test_the_party_speaks_for_the_share_that_was_asked_for(share: float) -> None:
    speaking = np.array(levels(clip(1, 1000, share))) > (NOISE_DBFS + CALM_DBFS) / 2
    assert speaking.mean() == pytest.approx(share, abs=0.05)


def test_turns_are_calm_and_loud() -> None:
    found = np.array(levels(clip(2, 1000, 1.0)))
    assert np.percentile(found, 15) < CALM_DBFS + 4
    assert np.percentile(found, 85) > LOUD_DBFS - 4
