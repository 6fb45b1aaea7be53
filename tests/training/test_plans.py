import numpy as np
import pytest

from tests.support.sound import speech_data
from training.data import load_corpora
from training.plans import SPEEDS, training_plans


@pytest.fixture(scope="module")
def plans():
    clips = [clip for clip in load_corpora(speech_data(), ["emodb"]) if clip.shippable]
    return training_plans(clips[::5], 3, 2)


def test_some_legs_are_of_other_speakers_made_by_playing_faster(plans):
    speeds = np.array([plan.speed for plan in plans])
    assert 0.3 < np.mean(speeds != 1.0) < 0.7
    assert speeds.min() >= SPEEDS[0]
    assert speeds.max() <= SPEEDS[1]


def test_a_start_is_calm_speech_of_the_same_speaker(plans):
    for plan in plans:
        assert {take.clip.speaker for take in plan.calm} <= {plan.group}
        assert {take.clip.emotion for take in plan.calm} <= {"neutral"}
        assert not {take.clip.path for take in plan.calm} & {take.clip.path for take in plan.test}


def test_only_anger_is_raised(plans):
    assert {plan.label for plan in plans if plan.tags["emotion"] == "angry"} == {1.0}
    assert {plan.label for plan in plans if plan.tags["emotion"] in ("happy", "neutral", "fear")} == {0.0}
