import numpy as np
import pytest

from callguard.audio.activity import Activity
from callguard.audio.vad import Heard

ROW = np.array([0])


def hear(activity, speech, times=1, level=-20.0):
    for _ in range(times):
        activity.step(ROW, Heard(np.full((1, 5), speech), np.full((1, 5), level, np.float32)))


def test_speech_share_looks_back_one_second():
    activity = Activity(1)
    hear(activity, True, 10)
    assert activity.speech_share(ROW)[0] == 1
    hear(activity, False, 4)
    assert activity.speech_share(ROW)[0] == pytest.approx(0.6)


def test_level_is_that_of_speech_alone_and_unknown_without_it():
    activity = Activity(1)
    assert np.isnan(activity.level(ROW)[0])
    hear(activity, True, 5, -30.0)
    hear(activity, False, 3, -5.0)
    assert activity.level(ROW)[0] == pytest.approx(-30, abs=0.01)
    hear(activity, False, 10)
    assert np.isnan(activity.level(ROW)[0])


def test_a_turn_grows_through_short_pauses_and_ends_with_a_long_one():
    activity = Activity(1)
    hear(activity, True, 20)
    hear(activity, False, 5)
    hear(activity, True, 5)
    assert activity.turn(ROW)[0] == pytest.approx(3.0)
    hear(activity, False, 8)
    assert activity.turn(ROW)[0] == 0
    hear(activity, True)
    assert activity.turn(ROW)[0] == pytest.approx(0.1)


def test_talking_outlasts_the_last_word_by_a_breath():
    activity = Activity(1)
    hear(activity, True)
    hear(activity, False, 2)
    assert activity.talking(ROW)[0]
    hear(activity, False)
    assert not activity.talking(ROW)[0]


def test_a_click_of_two_frames_is_no_word():
    activity = Activity(1)
    activity.step(ROW, Heard(np.array([[True, True, False, False, False]]), np.full((1, 5), -20, np.float32)))
    assert not activity.talking(ROW)[0]
    assert activity.turn(ROW)[0] == 0


def test_four_level_peaks_a_second_are_a_rate_of_four():
    activity = Activity(1)
    for hop in range(40):
        time = (hop * 5 + np.arange(5)) * 0.02
        level = (-25 + 12 * np.sin(2 * np.pi * 4 * time)).astype(np.float32)[None]
        activity.step(ROW, Heard(np.ones((1, 5), bool), level))
    assert activity.rate(ROW)[0] == pytest.approx(4, abs=0.6)


def test_an_opened_row_has_done_nothing():
    activity = Activity(2)
    hear(activity, True, 20)
    activity.open(0)
    assert activity.turn(ROW)[0] == 0
    assert activity.speech_share(ROW)[0] == 0
    assert not activity.talking(ROW)[0]
    assert np.isnan(activity.rate(ROW)[0])
