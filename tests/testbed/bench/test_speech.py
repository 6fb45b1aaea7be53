"""The audio of measurements: the same every time, at the share of speech and the levels that were asked for."""

import numpy as np
import pytest

from callguard.audio.frames import FRAME_SAMPLES, Pcm
from callguard.testbed.bench.speech import LOUD_DBFS, NOISE_DBFS, QUIET_DBFS, clip


def levels(pcm: Pcm) -> list[float]:
    return list(10 * np.log10(np.mean((pcm / 32768) ** 2, axis=1) + 1e-12))


def test_a_seed_gives_the_same_audio_and_another_seed_another() -> None:
    assert np.array_equal(clip(3, 50, 0.4), clip(3, 50, 0.4))
    assert not np.array_equal(clip(3, 50, 0.4), clip(4, 50, 0.4))
    assert clip(3, 50, 0.4).shape == (50, FRAME_SAMPLES)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.8])
def test_the_party_speaks_for_the_share_that_was_asked_for_less_the_pauses_between_phrases(share: float) -> None:
    speaking = np.array(levels(clip(1, 1000, share))) > (NOISE_DBFS + QUIET_DBFS) / 2
    assert 0.7 * share < speaking.mean() < share + 0.02


def test_turns_are_quiet_and_loud() -> None:
    found = np.array(levels(clip(2, 1000, 1.0)))
    assert np.percentile(found, 15) < QUIET_DBFS + 4
    assert np.percentile(found, 85) > LOUD_DBFS - 4


@pytest.mark.parametrize("heated", [False, True])
def test_both_ears_have_work_only_where_loud_turns_are_shouted(heated: bool) -> None:
    """Most windows of a heated party are suspicious, few of a calm one, although both change their level alike."""
    from callguard.analysis.replay import load_models, replay
    from callguard.rules import RuleSet

    pcm = clip(5, 1000, 0.4, heated=heated).reshape(1, -1)
    raised = replay(pcm, load_models(2, second_ear=False), RuleSet()).column(0, "raised_voice")
    judged = raised[np.isfinite(raised)]
    assert len(judged) > 0.3 * len(raised)
    assert ((judged > 0.5).mean() > 0.2) == heated
