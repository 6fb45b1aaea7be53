"""Snapshots: what is known, None for what is not judged, and why it is not."""

import json

import numpy as np

from callguard.audio.gates import Reason
from callguard.signals.snapshot import snapshot
from callguard.signals.table import CALL_INDEX, LEG_INDEX, SignalTable


def test_a_snapshot_shows_values_and_reasons() -> None:
    table = SignalTable(legs=4, calls=2)
    table.open_call(1)
    table.customer[1], table.agent[1] = 3, 0
    table.leg[LEG_INDEX["level_dbfs"], 3] = -21.5
    table.call[CALL_INDEX["on_hold"], 1] = 1
    reasons = np.array([Reason.MUSIC, 0, 0, Reason.JUDGED], dtype=np.int8)
    shot = snapshot("1.2", 1, table, reasons, 5.0)
    assert (shot.call, shot.at) == ("1.2", 5.0)
    assert shot.customer["level_dbfs"] == -21.5
    assert shot.customer["raised_voice"] is None
    assert shot.signals["on_hold"] == 1
    assert shot.unjudged == {"agent": "music"}
    json.dumps([shot.customer, shot.agent, shot.signals], allow_nan=False)


def test_a_party_without_a_leg_has_no_values_and_no_reason() -> None:
    table = SignalTable(legs=2, calls=1)
    table.open_call(0)
    shot = snapshot("1.2", 0, table, np.zeros(2, dtype=np.int8), 0.0)
    assert (shot.customer, shot.agent, shot.unjudged) == ({}, {}, {})
