import numpy as np
import pytest

from callguard.audio.activity import Activity
from callguard.audio.vad import Heard
from callguard.signals.table import CALL_INDEX, NO_ROW, SignalTable
from callguard.signals.turn_taking import TREND_LEAST, Conversations

CALL = np.array([0])


@pytest.fixture
def talk():
    table = SignalTable(2, 2)
    table.open_call(0)
    table.customer[0], table.agent[0] = 0, 1
    activity, conversations = Activity(2), Conversations(table)
    conversations.open(0)

    def step(customer, agent, times=1, heard=(True, True)):
        for _ in range(times):
            speech = np.array([[customer] * 5, [agent] * 5])
            activity.step(np.arange(2), Heard(speech, np.full((2, 5), -20, np.float32)))
            conversations.step(CALL, activity, np.array(heard))
        return {name: float(table.call[at, 0]) for name, at in CALL_INDEX.items()}

    step.conversations = conversations
    step.table = table
    return step


def test_talk_over_is_the_share_of_ten_seconds(talk):
    talk(True, False, 50)
    assert talk(True, True, 50)["talk_over"] == pytest.approx(0.5, abs=0.02)
    assert talk(True, False, 120)["talk_over"] == 0


def test_who_cuts_in_is_counted_and_who_is_cut_off_is_not(talk):
    talk(False, True, 20)
    found = talk(True, True, 8)
    assert found["interruptions_customer"] == 1
    assert found["interruptions_agent"] == 0


def test_a_word_of_assent_is_no_interruption(talk):
    talk(False, True, 20)
    talk(True, True, 1)
    assert talk(False, True, 20)["interruptions_customer"] == 0


def test_interruptions_are_forgotten_after_a_minute(talk):
    talk(False, True, 20)
    talk(True, True, 8)
    assert talk(False, False, 610)["interruptions_customer"] == 0


def test_silence_counts_from_the_last_word_of_either(talk):
    talk(True, False, 5)
    assert talk(False, False, 30)["silence_s"] == pytest.approx(2.8, abs=0.11)
    assert talk(False, True)["silence_s"] == 0


def test_escalating_is_the_slope_a_minute_and_unknown_at_first(talk):
    for point in range(TREND_LEAST - 1):
        talk.conversations.follow(CALL, np.array([0.01 * point], np.float32))
    assert np.isnan(talk(True, False)["escalating"])
    for point in range(TREND_LEAST - 1, 60):
        talk.conversations.follow(CALL, np.array([0.01 * point], np.float32))
    assert talk(True, False)["escalating"] == pytest.approx(1.2, abs=0.01)


def test_a_call_with_one_leg_only_has_no_talk_over_and_no_silence(talk):
    talk.table.agent[0] = NO_ROW
    found = talk(False, False, 300)
    assert [name for name, value in found.items() if np.isfinite(value)] == []


@pytest.mark.parametrize("heard", [(False, True), (True, False)])
def test_a_party_that_is_not_heard_is_not_silent(talk, heard):
    talk(False, False, 50)
    found = talk(False, False, 600, heard=heard)
    for name in ("silence_s", "talk_over", "interruptions_customer", "interruptions_agent"):
        assert np.isnan(found[name]), name


def test_silence_begins_anew_when_both_are_heard_again(talk):
    talk(False, False, 600)
    talk(False, False, 1, heard=(True, False))
    assert talk(False, False, 20)["silence_s"] == pytest.approx(2.0)


def test_nobody_cuts_in_on_a_party_that_is_not_heard(talk):
    talk(False, True, 20)
    talk(True, True, 8, heard=(False, True))
    talk(False, True, 20)
    assert talk(False, True)["interruptions_customer"] == 0


def test_the_trend_of_a_customer_who_is_not_heard_is_unknown(talk):
    for point in range(60):
        talk.conversations.follow(CALL, np.array([0.01 * point], np.float32))
    assert np.isfinite(talk(False, False, heard=(True, False))["escalating"])
    assert np.isnan(talk(False, False, heard=(False, True))["escalating"])
