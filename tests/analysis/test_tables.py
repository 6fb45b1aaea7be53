"""A replayed recording as JSON and CSV: what was not judged is told as such."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callguard.analysis.replay import Replay
from callguard.analysis.tables import as_object, write_signals
from callguard.audio.gates import Reason
from callguard.signals.table import CALL_INDEX, CALL_SIGNALS, LEG_INDEX, LEG_SIGNALS
from tests.analysis.replays import replayed


@pytest.fixture
def result() -> Replay:
    made = replayed(hops=4)
    made.signals[:, 0, LEG_INDEX["raised_voice"]] = [np.nan, 0.25, 0.5, 0.75]
    made.call[:, CALL_INDEX["talk_over"]] = 0.125
    made.reasons[0, 0] = Reason.SILENCE
    made.reasons[1:3, 1] = Reason.MUSIC
    return made


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_there_is_a_row_a_hop_and_leg_with_every_signal(result: Replay, tmp_path: Path) -> None:
    write_signals(tmp_path / "s.csv", result)
    found = rows(tmp_path / "s.csv")
    assert [(row["t_s"], row["leg"]) for row in found[:3]] == [
        ("0.1", "customer"),
        ("0.1", "agent"),
        ("0.2", "customer"),
    ]
    assert list(found[0]) == ["t_s", "leg", *(s.name for s in (*LEG_SIGNALS, *CALL_SIGNALS)), "unjudged"]
    assert [row["raised_voice"] for row in found[::2]] == ["", "0.25", "0.5", "0.75"]
    assert {row["talk_over"] for row in found} == {"0.125"}


def test_why_a_leg_was_not_judged_stands_in_its_row(result: Replay, tmp_path: Path) -> None:
    write_signals(tmp_path / "s.csv", result)
    assert [row["unjudged"] for row in rows(tmp_path / "s.csv")] == ["silence", "", "", "music", "", "music", "", ""]


def test_an_object_tells_how_long_each_reason_held(result: Replay) -> None:
    told: dict[str, Any] = as_object(Path("a.wav"), result)
    assert (told["file"], told["duration_s"], told["legs"]) == ("a.wav", 0.4, ["customer", "agent"])
    assert told["unjudged_s"] == {"customer": {"silence": 0.1}, "agent": {"music": 0.2}}
    assert told["scores"]["customer"]["raised_voice_max"] == 0.75
    assert [alert["rule"] for alert in told["alerts"]] == ["Loud"]
