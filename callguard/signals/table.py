"""Define the signals, which are the measures that a rule can read, and the table of their present values.

A leg that can't be judged has NaN in every signal that needs a judgement. A comparison with NaN is false, so no rule
fires on an unjudged leg.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Signal(NamedTuple):
    """The description of a signal for authors of rules."""

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    source: str


LEG_SIGNALS: Final = (
    Signal(
        "speech",
        "share",
        0,
        1,
        "share of the last second in which the party spoke",
        "webrtcvad after level normalisation",
    ),
    Signal("level_dbfs", "dBFS", -96, 0, "speech level, RMS over the last second's speech", "samples"),
    Signal("level_rise_db", "dB", -60, 60, "speech level above the speaker's own calm level", "level_dbfs, baseline"),
    Signal(
        "pitch_hz",
        "Hz",
        60,
        500,
        "median fundamental frequency of the last two seconds' voiced speech",
        "autocorrelation",
    ),
    Signal("pitch_rise_st", "semitones", -36, 36, "pitch above the speaker's own calm median", "pitch_hz, baseline"),
    Signal("speech_rate", "1/s", 0, 12, "syllable-like energy peaks per second of speech", "band energy"),
    Signal("turn_s", "s", 0, 3600, "length of the party's present turn; 0 while silent", "speech"),
    Signal("quality", "share", 0, 1, "line quality: loss, clipping, noise, band", "samples, packet loss"),
    Signal(
        "judged", "0/1", 0, 1, "1 while the leg can be judged; 0 on hold music, tones, fax, silence, clipping", "gates"
    ),
    Signal("raised_voice", "0-1", 0, 1, "customer only: vocal effort against the leg's own calm start", "ONNX model"),
    Signal("anger", "0-1", 0, 1, "customer only, mode emotion: anger in the voice", "ONNX model"),
)

CALL_SIGNALS: Final = (
    Signal(
        "talk_over",
        "share",
        0,
        1,
        "share of the last ten seconds in which both parties spoke at once",
        "speech of both",
    ),
    Signal(
        "interruptions_customer",
        "count",
        0,
        1000,
        "interruptions by the customer in the last minute",
        "speech of both",
    ),
    Signal("interruptions_agent", "count", 0, 1000, "interruptions by the agent in the last minute", "speech of both"),
    Signal("silence_s", "s", 0, 3600, "time since speech was heard from either party", "speech of both"),
    Signal("on_hold", "0/1", 0, 1, "1 while a party is on hold", "Asterisk"),
    Signal("elapsed_s", "s", 0, 86400, "time since both parties were joined", "Asterisk"),
    Signal(
        "escalating",
        "1/min",
        -60,
        60,
        "trend of the customer's raised voice over the last 30 s of speech",
        "raised_voice",
    ),
    Signal("agent_request", "code", 0, 9, "the agent's own trigger: 0 none, 1 help, 2 abuse", "feature code"),
)

LEG_INDEX: Final = {signal.name: index for index, signal in enumerate(LEG_SIGNALS)}
CALL_INDEX: Final = {signal.name: index for index, signal in enumerate(CALL_SIGNALS)}
NO_ROW: Final = -1
"""Marks a party without a tapped leg in a call's leg columns."""


class SignalTable:
    """Present values of all signals, one column for each leg or call.

    Attributes:
        leg: shape (len(LEG_SIGNALS), legs), float32, NaN where not known or not judged.
        call: shape (len(CALL_SIGNALS), calls), float32.
        customer: leg row of each call's customer, else NO_ROW, shape (calls,).
        agent: leg row of the agent who talks with the customer now, else NO_ROW, shape (calls,).
        live: whether each call row is in use, shape (calls,).
    """

    def __init__(self, legs: int, calls: int) -> None:
        self.leg: NDArray[np.float32] = np.full((len(LEG_SIGNALS), legs), np.nan, dtype=np.float32)
        self.call: NDArray[np.float32] = np.full((len(CALL_SIGNALS), calls), np.nan, dtype=np.float32)
        self.customer: NDArray[np.intp] = np.full(calls, NO_ROW, dtype=np.intp)
        self.agent: NDArray[np.intp] = np.full(calls, NO_ROW, dtype=np.intp)
        self.live: NDArray[np.bool_] = np.zeros(calls, dtype=np.bool_)

    def open_call(self, call: int) -> None:
        """Start to use an empty call row."""
        self.call[:, call] = np.nan
        self.customer[call] = self.agent[call] = NO_ROW
        self.live[call] = True

    def close_call(self, call: int) -> None:
        """Free a call row."""
        self.live[call] = False
        self.customer[call] = self.agent[call] = NO_ROW

    def clear_leg(self, row: int) -> None:
        """Clear all signals of a leg."""
        self.leg[:, row] = np.nan
