"""Signals of legs: what is written where, and what is taken away where nothing is judged."""

import numpy as np
import pytest

from callguard.audio.activity import Activity
from callguard.audio.gates import Reason
from callguard.audio.listener import Judgeable
from callguard.audio.vad import Heard
from callguard.audio.window import FUNCTIONALS, LOUDNESS, PITCH
from callguard.signals.leg_signals import withhold_unjudged, write_activity, write_voice
from callguard.signals.table import LEG_INDEX, SignalTable

SPEAKING = Heard(np.ones((1, 5), np.bool_), np.full((1, 5), -20, np.float32))


def value(table: SignalTable, name: str, row: int = 0) -> float:
    return float(table.leg[LEG_INDEX[name], row])


def due(baseline_s: float, *, rise_db: float = 9, rise_st: float = 12) -> Judgeable:
    window = np.zeros((1, len(FUNCTIONALS)), np.float32)
    baseline = window.copy()
    window[0, [LOUDNESS, PITCH]] = rise_db, rise_st
    seconds = np.ones(1, np.float32)
    return Judgeable(
        np.array([1]), window, seconds, baseline, seconds * np.float32(baseline_s), np.zeros(1, np.float32)
    )


def test_activity_is_written_to_its_own_row_alone() -> None:
    table, activity = SignalTable(2, 1), Activity(2)
    for _ in range(10):
        activity.step(np.array([1]), SPEAKING)
    write_activity(table, np.array([1]), activity, np.array([0.5], np.float32))
    assert value(table, "speech", 1) == 1
    assert value(table, "level_dbfs", 1) == pytest.approx(-20, abs=0.1)
    assert value(table, "turn_s", 1) == pytest.approx(1)
    assert value(table, "quality", 1) == 0.5
    assert np.isnan(table.leg[:, 0]).all()


def test_level_and_pitch_rise_against_the_speakers_own_baseline() -> None:
    table = SignalTable(2, 1)
    write_voice(table, due(baseline_s=5))
    assert value(table, "level_rise_db", 1) == 9
    assert value(table, "pitch_rise_st", 1) == 12
    assert value(table, "pitch_hz", 1) == pytest.approx(200)


def test_nothing_rises_above_a_baseline_that_is_not_known() -> None:
    table = SignalTable(2, 1)
    write_voice(table, due(baseline_s=0.9))
    assert np.isnan(value(table, "level_rise_db", 1))
    assert np.isnan(value(table, "pitch_rise_st", 1))
    assert value(table, "pitch_hz", 1) == pytest.approx(200)


def test_rises_stay_in_their_documented_range() -> None:
    table = SignalTable(2, 1)
    write_voice(table, due(baseline_s=5, rise_db=90, rise_st=-50))
    assert value(table, "level_rise_db", 1) == 60
    assert value(table, "pitch_rise_st", 1) == -36


@pytest.mark.parametrize(
    ("reason", "gone"),
    [
        (Reason.JUDGED, set()),
        (Reason.SILENCE, {"raised_voice", "anger", "level_rise_db", "pitch_rise_st", "pitch_hz"}),
        (Reason.MUSIC, set(LEG_INDEX) - {"judged", "quality"}),
        (Reason.HOLD, set(LEG_INDEX) - {"judged", "quality"}),
    ],
)
def test_what_is_not_judged_leaves_no_value(reason: Reason, gone: set[str]) -> None:
    table = SignalTable(2, 1)
    table.leg[:] = 7
    withhold_unjudged(table, np.array([0]), np.array([reason], np.int8))
    assert {name for name in LEG_INDEX if np.isnan(value(table, name))} == gone
    assert value(table, "judged") == (reason is Reason.JUDGED)
    assert (table.leg[:, 1] == 7).all()
