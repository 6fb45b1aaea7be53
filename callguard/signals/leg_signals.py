"""Write the measures of legs into their signals, and remove the values of unjudged legs. Pure."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from callguard.audio.activity import Activity
from callguard.audio.features import FloatArray
from callguard.audio.frames import Rows
from callguard.audio.gates import Reason
from callguard.audio.listener import Judgeable
from callguard.audio.window import LOUDNESS, PITCH
from callguard.signals.table import LEG_INDEX, SignalTable

LEAST_BASELINE_S: Final = 1.0
"""Least seconds of calm speech in a baseline before rises of level and pitch are known."""
_REFERENCE_HZ: Final = 100.0
"""Reference of pitch in semitones."""
_OF_VOICE: Final = ("raised_voice", "anger", "level_rise_db", "pitch_rise_st", "pitch_hz")
_OF_SPEECH: Final = ("speech", "level_dbfs", "turn_s", "speech_rate")
"""Signals known in silence too, but not in non-speech sound: music on hold has a level although nobody speaks."""


def write_activity(table: SignalTable, rows: Rows, activity: Activity, quality: FloatArray) -> None:
    """Write the activity of legs, whether judged or not.

    Args:
        table: of signals.
        rows: legs that were just heard, shape (n,).
        activity: of all legs.
        quality: quality of each line, 0-1, shape (n,).
    """
    leg = table.leg
    leg[LEG_INDEX["speech"], rows] = activity.speech_share(rows)
    leg[LEG_INDEX["level_dbfs"], rows] = activity.level(rows)
    leg[LEG_INDEX["turn_s"], rows] = activity.turn(rows)
    leg[LEG_INDEX["speech_rate"], rows] = activity.rate(rows)
    leg[LEG_INDEX["quality"], rows] = quality


def write_voice(table: SignalTable, due: Judgeable) -> None:
    """Write the pitch, and the rises of level and pitch above each leg's own baseline."""
    leg, rows = table.leg, due.rows
    known = due.baseline_s >= LEAST_BASELINE_S
    rise = np.where(known[:, None], due.window - due.baseline, np.nan)
    leg[LEG_INDEX["level_rise_db"], rows] = np.clip(rise[:, LOUDNESS], -60, 60)
    leg[LEG_INDEX["pitch_rise_st"], rows] = np.clip(rise[:, PITCH], -36, 36)
    leg[LEG_INDEX["pitch_hz"], rows] = _REFERENCE_HZ * 2.0 ** (due.window[:, PITCH] / 12.0)


def withhold_unjudged(table: SignalTable, rows: Rows, reason: NDArray[np.int8]) -> None:
    """Set the signals of unjudged legs to NaN: a comparison with NaN is false, so no rule fires.

    Args:
        table: of signals.
        rows: legs, shape (n,).
        reason: Reason of each leg, shape (n,).
    """
    leg = table.leg
    leg[LEG_INDEX["judged"], rows] = reason == Reason.JUDGED
    unjudged, no_speech = rows[reason != Reason.JUDGED], rows[reason > Reason.SILENCE]
    for signal in _OF_VOICE:
        leg[LEG_INDEX[signal], unjudged] = np.nan
    for signal in _OF_SPEECH:
        leg[LEG_INDEX[signal], no_speech] = np.nan
